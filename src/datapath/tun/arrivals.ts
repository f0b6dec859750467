/** First packets of connections, as the steering program hands them over: read from memory, without a system call. */
import {
  ARRIVAL,
  ARRIVAL_CHECKSUMS,
  ARRIVAL_MAPS,
  ARRIVAL_ROOMS,
  ARRIVAL_STATE,
  ARRIVALS,
} from '../../ebpf/programs/arrival.js';
import { BpfMap } from '../../linux/bpf-map.js';
import { MappedArray } from '../../linux/bpf-mapped-array.js';
import { RingBuffer } from '../../linux/bpf-ring-buffer.js';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  HEADROOM,
  Packet,
} from '../../wire/packet.js';

/** Word of the state. */
const SLEEPING = ARRIVAL_STATE.fields.sleeping.offset >>> 2;
/** Bytes of a packet's buffer: whatever comes, and something to put in front of it. */
const CAPACITY = HEADROOM + ARRIVAL_ROOMS.at(-1)!;

/** The maps, and packets to read into. */
export class Arrivals {
  /** What {@link Arrivals.read} has brought. */
  readonly packets: readonly Packet[];
  readonly #words: readonly Int32Array[];
  readonly #ring: RingBuffer;
  readonly #state: MappedArray;
  readonly #detours: BpfMap;
  readonly #from: Int32Array;
  #count = 0;

  /** @param capacity packets that are read at once. @throws SYSTEM */
  constructor(capacity: number) {
    this.packets = Array.from({ length: capacity }, () => new Packet(CAPACITY));
    this.#words = this.packets.map(({ bytes }) => new Int32Array(bytes.buffer));
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(map: T): T => {
      opened.push(map);
      return map;
    };
    try {
      this.#ring = keep(new RingBuffer(ARRIVALS));
      this.#state = keep(new MappedArray(ARRIVAL_MAPS.arrivalState));
      this.#detours = keep(new BpfMap(ARRIVAL_MAPS.detours));
    } catch (error) {
      for (const map of opened) map.close();
      throw error;
    }
    const { buffer, byteOffset } = this.#ring.data;
    this.#from = new Int32Array(buffer, byteOffset);
  }

  /** The maps' descriptors, by their names in the program. */
  get descriptors(): Readonly<Record<string, number>> {
    return { arrivals: this.#ring.fd, arrivalState: this.#state.fd, detours: this.#detours.fd };
  }

  /** To be polled: readable while there are packets. A sleeper is woken only when it has said {@link sleep}. */
  get fd(): number {
    return this.#ring.fd;
  }

  /** True when there are packets. */
  get pending(): boolean {
    return this.#ring.pending;
  }

  /** The next packet is to wake who polls. Afterwards is to be looked whether there are packets already. */
  sleep(): void {
    Atomics.store(this.#state.words, SLEEPING, 1);
  }

  /** Said {@link sleep}, and no packet has come since. */
  get asleep(): boolean {
    return Atomics.load(this.#state.words, SLEEPING) !== 0;
  }

  /** Nobody sleeps any more. */
  wake(): void {
    Atomics.store(this.#state.words, SLEEPING, 0);
  }

  /** Brings packets to {@link packets}, oldest first, as they would be had they come by the TUN device. @returns their number. */
  read(): number {
    this.#count = 0;
    this.#ring.read(this.#take, this.packets.length);
    return this.#count;
  }

  close(): void {
    for (const map of [this.#ring, this.#state, this.#detours]) map.close();
  }

  readonly #take = (at: number): void => {
    const { data } = this.#ring;
    const { length, transport, checksumAt, checksum } = ARRIVAL.fields;
    const p = this.packets[this.#count]!;
    const to = this.#words[this.#count++]!;
    const bytes = length.get(data, at + length.offset);
    const from = (at + ARRIVAL.size) >>> 2;
    for (let i = (bytes + 3) >>> 2; i-- > 0; ) to[(HEADROOM >>> 2) + i] = this.#from[from + i]!;
    p.reset(HEADROOM, bytes);
    const kind = checksum.get(data, at + checksum.offset);
    if (kind === ARRIVAL_CHECKSUMS.unverified) p.ipSummed = CHECKSUM_NONE;
    else if (kind === ARRIVAL_CHECKSUMS.right) p.ipSummed = CHECKSUM_UNNECESSARY;
    else {
      p.ipSummed = CHECKSUM_PARTIAL;
      p.csumStart = transport.get(data, at + transport.offset);
      p.csumOffset = checksumAt.get(data, at + checksumAt.offset);
    }
  };
}
