/** The thread that owns the engine and its packets. It is told what to do by messages (`tun-datapath.ts` sends them). */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Args, CommandError, CommandName } from '../control/command.js';
import { toCommandError } from '../control/command-error.js';
import { EngineDirector } from '../control/engine-director.js';
import { type TunCounters, TunDatapath, type TunDatapathOptions } from '../datapath/tun/tun-datapath.js';
import { Net } from '../engine/net.js';
import type { LogFields, LogLevel } from './logger.js';
import { randomSource } from './random.js';

/** What the thread is started with. */
export type WorkerOptions = TunDatapathOptions & {
  readonly connTabBits?: number;
  readonly connLimit?: number;
};

/** What the thread is told. */
export type WorkerRequest =
  | { readonly id: number; readonly name: CommandName; readonly args: unknown }
  | { readonly id: number; readonly name: 'counters' }
  | { readonly id: number; readonly name: 'stop' };

/** What the thread tells. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: CommandError }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields?: LogFields | undefined;
    }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly error: CommandError };

/** Commands that change what has to be steered. */
const STEERS = /^(service\.(add|edit|delete)|dest\.(add|edit|delete)|flush)$/;

function tell(port: MessagePort, message: WorkerMessage): void {
  port.postMessage(message);
}

/** Runs the thread on `port`. */
function serve(port: MessagePort, options: WorkerOptions): void {
  const datapath = new TunDatapath(options, (level, message, fields) =>
    tell(port, { kind: 'log', level, message, fields }),
  );
  let stopped = false;
  try {
    const { connTabBits, connLimit } = options;
    const net = new Net({
      host: datapath.host,
      random: randomSource(),
      ...(connTabBits !== undefined && { connTabBits }),
      ...(connLimit !== undefined && { connLimit }),
    });
    const director = new EngineDirector(net);
    datapath.attach(net);

    const answer = async (request: WorkerRequest): Promise<unknown> => {
      if (request.name === 'counters') return datapath.counters satisfies TunCounters;
      if (request.name === 'stop') {
        stopped = true;
        datapath.close();
        return null;
      }
      // what the arguments are is the director's to check
      const result = await director.execute(request.name, request.args as Args<CommandName>);
      if (STEERS.test(request.name)) datapath.sync();
      return result;
    };
    port.on('message', (request: WorkerRequest) => {
      const { id } = request;
      answer(request).then(
        (result) => tell(port, { kind: 'done', id, result }),
        (error: unknown) => tell(port, { kind: 'refused', id, error: toCommandError(error) }),
      );
    });
    const turn = (): void => {
      if (stopped) {
        port.close();
        return;
      }
      try {
        datapath.run();
      } catch (error) {
        fail(error);
        return;
      }
      // messages are handled between two turns of the event loop
      setImmediate(turn);
    };
    const fail = (error: unknown): void => {
      stopped = true;
      datapath.close();
      tell(port, { kind: 'failed', error: toCommandError(error) });
      port.close();
    };
    tell(port, { kind: 'ready' });
    turn();
  } catch (error) {
    datapath.close();
    throw error;
  }
}

if (parentPort !== null) {
  try {
    serve(parentPort, workerData as WorkerOptions);
  } catch (error) {
    tell(parentPort, { kind: 'failed', error: toCommandError(error) });
    parentPort.close();
  }
}
