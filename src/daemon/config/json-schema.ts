/** The JSON Schema of configurations, for editors. */
import { CONFIG_SHAPES } from '../../control/config-fields.js';
import { NAMED_SHAPES } from '../../control/fields.js';
import type { JsonSchema } from '../../control/shape.js';
import { configShape } from './config.js';

/** The schema, complete in itself. */
export function configSchema(): JsonSchema {
  const used = new Map<string, JsonSchema>();
  const definitions = new Map(
    [...NAMED_SHAPES, ...CONFIG_SHAPES].map(({ definition }) => [definition.$id, definition]),
  );

  /** With references into `$defs`, whose entries are added as they are met. */
  const local = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(local);
    if (typeof value !== 'object' || value === null) return value;
    const { $id: _, $ref, ...rest } = value as JsonSchema;
    const out = Object.fromEntries(Object.entries(rest).map(([key, entry]) => [key, local(entry)]));
    if ($ref === undefined) return out;
    const name = String($ref).replace('#', '');
    if (!used.has(name)) {
      used.set(name, {});
      used.set(name, local(definitions.get(name)) as JsonSchema);
    }
    return { $ref: `#/$defs/${name}`, ...out };
  };

  const root = local(configShape.schema) as JsonSchema;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'ipvsd configuration',
    description: 'docs/configuration.md explains it.',
    ...root,
    $defs: Object.fromEntries([...used].sort(([a], [b]) => a.localeCompare(b))),
  };
}
