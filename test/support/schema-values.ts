/** Values for JSON Schemas, at random: mostly good ones, some that are not. */
import fc from 'fast-check';
import type { JsonSchema } from '../../src/control/shape.js';

/** What good texts are, by the names of their fields: schemas do not say it all. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  address: ['10.1.0.100', '10.2.0.11', 'fd00:1::100', 'fd00:2::11'],
  group: ['224.0.0.81', 'ff02::81'],
  scheduler: ['rr', 'wlc', 'sh', 'mh', 'none', 'nonsense'],
  pe: ['sip', 'x'],
  interface: ['eth0', 'lo', 'none0'],
  netmask: ['255.255.255.255', '255.255.0.0', '128', '64'],
  value: ['0', '1', '3 50', 'x'],
  name: ['drop_entry', 'sync_threshold', 'am_droprate', 'ip_vs', 'ip_vs_conn', 'blue'],
  text: [
    'services: []',
    'services:\n  - { fwmark: 1 }\n',
    'timeouts: { tcp: 5 }',
    'x: [',
    '',
    'namespaces: { blue: {} }',
  ],
  command: ['info', 'service.list', 'flush', 'service.add', 'conn.list'],
};

const JUNK: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown[]>(
    null,
    true,
    '',
    -1,
    0,
    1.5,
    2 ** 32,
    2 ** 53,
    1e308,
    '\0',
    '\ud800',
    '__proto__',
    [],
    {},
  ),
  fc.constantFrom<unknown[]>(
    'x'.repeat(5000),
    [[[[]]]],
    { a: { b: {} } },
    '10.1.0.100:80',
    '0x10',
    ' 80',
    '٣',
  ),
  fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown),
);

const rarely = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>, often = 40): fc.Arbitrary<T> =>
  fc.oneof({ weight: often, arbitrary: usual }, { weight: 1, arbitrary: unusual });

/** Makes values for the schemas of one document. */
export class SchemaValues {
  readonly #document: JsonSchema;
  readonly #known = new Map<string, fc.Arbitrary<unknown>>();

  /** @param document in which references are looked up: they are paths in it (`#/components/schemas/X`). */
  constructor(document: JsonSchema) {
    this.#document = document;
  }

  /** Values for a schema. @param name of the field that they are for */
  of(schema: JsonSchema, name = ''): fc.Arbitrary<unknown> {
    return rarely(this.#good(schema, name), JUNK);
  }

  #good(schema: JsonSchema, name: string): fc.Arbitrary<unknown> {
    const { $ref, anyOf, type } = schema;
    if (schema.enum !== undefined) return fc.constantFrom(...(schema.enum as unknown[]));
    if (typeof $ref === 'string') return this.#referred($ref, name);
    if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map((each) => this.#good(each as JsonSchema, name)));
    switch (Array.isArray(type) ? type[0] : type) {
      case 'object':
        return this.#object(schema);
      case 'array':
        return fc.array(this.of(schema.items as JsonSchema, name), { maxLength: 3 });
      case 'integer':
      case 'number': {
        const { minimum = 0, maximum = 100 } = schema as { minimum?: number; maximum?: number };
        const usual = [80, 1, 5, 8080].filter((n) => n >= minimum && n <= maximum);
        return fc.constantFrom(minimum, maximum, ...usual, ...usual);
      }
      case 'boolean':
        return fc.boolean();
      case 'string':
        return fc.constantFrom(...(TEXTS[name] ?? ['a', 'b', '10.2.0.11', '5s']));
      default:
        return JUNK;
    }
  }

  #object(schema: JsonSchema): fc.Arbitrary<unknown> {
    const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
    const required = (schema.required ?? []) as string[];
    const values = Object.fromEntries(
      Object.entries(properties).map(([name, of]) => [name, this.of(of, name)]),
    );
    const good = fc.record(values, { requiredKeys: required });
    const extra = schema.additionalProperties;
    if (typeof extra === 'object' && extra !== null)
      return fc.dictionary(fc.constantFrom('a', 'drop_entry', 'blue'), this.of(extra as JsonSchema), {
        maxKeys: 2,
      });
    const other = fc.tuple(good, JUNK).map(([value, junk]) => ({ ...value, other: junk }));
    const less = good.map((value) => Object.fromEntries(Object.entries(value).slice(1)));
    return rarely(good, fc.oneof(other, less), 20);
  }

  #referred(ref: string, name: string): fc.Arbitrary<unknown> {
    const known = this.#known.get(ref);
    if (known !== undefined) return known;
    const found = ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], this.#document);
    const made = this.of(found as JsonSchema, name);
    this.#known.set(ref, made);
    return made;
  }
}
