/** Reading a configuration: from its text to what it says, or to all that is wrong with it. */
import { setImmediate as turn } from 'node:timers/promises';
import type { ConfiguredService } from '../../control/command.js';
import { configuredService, refuseTwice } from '../../control/config-fields.js';
import { IpvsError } from '../../errors.js';
import { type Config, configShape } from './config.js';
import { configuredId } from './configured-id.js';
import { ConfigDocument, type Problem } from './document.js';
import { NOT_PLAIN, parsePlainYaml } from './plain-yaml.js';
import { configError } from './problems.js';
import { cutServices, type ServiceBlock, type ServiceBlocks } from './service-blocks.js';
import { CutSource, problemsOf } from './source.js';

/** How long reading may keep everything else in this thread waiting, ms. */
const SLICE = 20;
/** Problems after which no more are looked for. */
const ENOUGH = 100;

/** A service as it was read, and from what. */
interface KnownService {
  readonly text: string;
  readonly service: ConfiguredService;
}

/** Reads texts of which one is mostly the one before: services whose text has not changed come out as the same objects. */
export class ConfigReader {
  #known: readonly KnownService[] = [];

  /**
   * What `text` says.
   * @param file what messages call it.
   * @throws BAD_CONFIG with all problems and their places.
   */
  async read(text: string, file: string): Promise<Config> {
    const cut = cutServices(text);
    const result = cut === undefined ? readWhole(text) : await this.#readCut(text, cut);
    if (!Array.isArray(result)) return result;
    throw configError(file, text, result);
  }

  /** The configuration, or what is wrong with it. */
  async #readCut(text: string, cut: ServiceBlocks): Promise<Config | Problem[]> {
    const source = new CutSource(text, cut);
    const rest = readRest(cut.rest, source);
    if (!Array.isArray(rest) && rest.services !== undefined) return readWhole(text);
    const problems = Array.isArray(rest) ? rest : [];
    const knownAt = alike(this.#known, cut.blocks);
    const known: KnownService[] = [];
    let end = performance.now() + SLICE;
    for (const [i, block] of cut.blocks.entries()) {
      const service = knownAt(i) ?? readBlock(block, i, source);
      if (service === undefined) return readWhole(text);
      if (Array.isArray(service)) problems.push(...service);
      else known.push({ text: block.text, service });
      if (problems.length >= ENOUGH) break;
      if (performance.now() >= end) {
        await turn();
        end = performance.now() + SLICE;
      }
    }
    if (problems.length > 0) return problems;
    this.#known = known;
    return tryRead(
      () => {
        const services = known.map(({ service }) => service);
        refuseTwice(services, configuredId, 'services');
        return { ...(rest as Config), services };
      },
      (errors) => problemsOf(source, errors),
    );
  }
}

/**
 * Where a text has services of the one before. What stands before and behind all that is new is found by comparing the texts in order, and only
 * what is between by the texts themselves: hashing eight million letters takes longer than all the rest.
 */
function alike(
  known: readonly KnownService[],
  blocks: readonly ServiceBlock[],
): (i: number) => ConfiguredService | undefined {
  const shorter = Math.min(known.length, blocks.length);
  const shift = known.length - blocks.length;
  let head = 0;
  while (head < shorter && known[head]!.text === blocks[head]!.text) head++;
  let tail = blocks.length;
  while (tail > head && tail + shift > head && known[tail + shift - 1]!.text === blocks[tail - 1]!.text)
    tail--;
  const between = new Map(known.slice(head, tail + shift).map(({ text, service }) => [text, service]));
  return (i) => {
    if (i < head) return known[i]!.service;
    return i >= tail ? known[i + shift]!.service : between.get(blocks[i]!.text);
  };
}

/** What `read` gives, or the problems that its errors are. */
function tryRead<T>(read: () => T, problems: (errors: readonly IpvsError[]) => Problem[]): T | Problem[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    return problems([error, ...error.others]);
  }
}

/** A text that cannot be cut, or is not as it looked. */
function readWhole(text: string): Config | Problem[] {
  const json = parseJson(text);
  try {
    // JSON is YAML, and read much faster as what it is
    if (json !== undefined) return configShape.read(json, '');
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
  }
  const document = new ConfigDocument(text);
  if (document.problems.length > 0) return [...document.problems];
  return tryRead(
    () => configShape.read(document.data, ''),
    (errors) => problemsOf(document, errors),
  );
}

function parseJson(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readRest(text: string, source: CutSource): Config | Problem[] {
  const document = new ConfigDocument(text);
  if (document.problems.length > 0) return document.problems.map((problem) => source.inRest(problem));
  return tryRead(
    () => configShape.read(document.data, ''),
    (errors) => problemsOf(source, errors),
  );
}

/** The service of a block, or what is wrong with it; undefined when it is no block of one service. */
function readBlock(
  { text }: ServiceBlock,
  i: number,
  source: CutSource,
): ConfiguredService | Problem[] | undefined {
  let data = parsePlainYaml(text);
  if (data === NOT_PLAIN) {
    const document = new ConfigDocument(text);
    if (document.problems.length > 0) return document.problems.map((problem) => source.inBlock(i, problem));
    data = document.data;
  }
  if (!Array.isArray(data) || data.length !== 1) return undefined;
  return tryRead(
    () => configuredService.read((data as unknown[])[0], `services[${i}]`),
    (errors) => problemsOf(source, errors),
  );
}
