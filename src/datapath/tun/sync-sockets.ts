/** The sockets of the sync daemons, for the loop that waits for all that can be read. */
import type { SyncReceiver, SyncSender, SyncSocketOptions } from '../../engine/host.js';
import { IpvsError } from '../../errors.js';
import { EADDRNOTAVAIL, ENETUNREACH, SystemError } from '../../linux/errno.js';
import { type GroupOptions, MulticastReceiver, MulticastSender } from '../../linux/multicast-socket.js';

/** Messages taken from a socket before others have their turn. */
const BATCH = 256;

interface Receiver {
  readonly socket: MulticastReceiver;
  readonly receive: (message: Uint8Array) => void;
}

/** Opens them, and reads from those that hear. */
export class SyncSockets {
  /** Called when the set of sockets that hear has changed. */
  onChange: () => void = () => {};
  readonly #ifindex: (name: string) => number | undefined;
  #receivers: readonly Receiver[] = [];

  /** @param ifindex index of the interface of that name. */
  constructor(ifindex: (name: string) => number | undefined) {
    this.#ifindex = ifindex;
  }

  /** @throws NO_DEVICE, NO_NETWORK, NO_ADDRESS, SYSTEM */
  openSender(options: SyncSocketOptions): SyncSender {
    try {
      return new MulticastSender(this.#onInterface(options), options.ttl);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.number === ENETUNREACH) throw new IpvsError('NO_NETWORK');
      if (error.number === EADDRNOTAVAIL) throw new IpvsError('NO_ADDRESS');
      throw error;
    }
  }

  /** @throws NO_DEVICE, SYSTEM */
  openReceiver(options: SyncSocketOptions, receive: (message: Uint8Array) => void): SyncReceiver {
    const receiver = {
      socket: new MulticastReceiver(this.#onInterface(options), options.interface),
      receive,
    };
    this.#replace([...this.#receivers, receiver]);
    return {
      close: () => {
        receiver.socket.close();
        this.#replace(this.#receivers.filter((r) => r !== receiver));
      },
    };
  }

  /** What is to be waited for; {@link drain} takes the index in here. */
  get fds(): readonly number[] {
    return this.#receivers.map(({ socket }) => socket.fd);
  }

  /** Hands on what has come to one of them. */
  drain(index: number): void {
    const receiver = this.#receivers[index]!;
    for (let i = 0; i < BATCH; i++) {
      const message = receiver.socket.receive();
      if (message === undefined) return;
      receiver.receive(message);
    }
  }

  #onInterface({ interface: name, group, port, bufferSize }: SyncSocketOptions): GroupOptions {
    const ifindex = this.#ifindex(name);
    if (ifindex === undefined) throw new IpvsError('NO_DEVICE', undefined, 'interface');
    return { group, port, ifindex, bufferSize };
  }

  #replace(receivers: readonly Receiver[]): void {
    this.#receivers = receivers;
    this.onChange();
  }
}
