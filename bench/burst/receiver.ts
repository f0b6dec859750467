/** Counts the datagrams that arrive at an interface, notes when some of them did, and drops them. */
import { Assembler } from '../../src/ebpf/assembler.js';
import { r0, r1, r2, r3, r6, r7, r8, r10 } from '../../src/ebpf/operand.js';
import { type Program, relocate } from '../../src/ebpf/program.js';
import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  ETHERNET,
  htons,
  IPPROTO_UDP,
  IPV4,
  IPV6,
  SK_BUFF,
} from '../../src/ebpf/programs/headers.js';
import { record, u32, u64 } from '../../src/ebpf/record.js';
import { attachTcx, type BpfLink } from '../../src/linux/bpf-link.js';
import { BpfMap } from '../../src/linux/bpf-map.js';
import { BpfProgram } from '../../src/linux/bpf-program.js';

const TC_ACT_UNSPEC = -1;
const TC_ACT_SHOT = 2;
const IPPROTO_IPIP = 4;
const IPPROTO_IPV6 = 41;

/** Numbers of datagrams from `arm` on, and times of CLOCK_MONOTONIC, ns. */
const STATE = record('state', { count: u64, firstAt: u64, lastAt: u64, first: u64, last: u64 });

/** What has arrived since `arm`. */
export interface Arrivals {
  readonly count: number;
  /** ns between the two datagrams that were asked for; undefined while the later one has not come. */
  readonly nanoseconds: number | undefined;
}

/** A receiver at the ingress of one interface, behind its XDP and before all else. */
export class Receiver {
  readonly #state = new BpfMap({
    name: 'arrivals',
    type: 'array',
    keySize: 4,
    valueSize: STATE.size,
    maxEntries: 1,
  });
  readonly #program: BpfProgram;
  readonly #link: BpfLink;

  /** @param ifindex in the namespace of this thread. Frames that are no datagrams, nor tunnelled, pass. */
  constructor(ifindex: number) {
    const program = receiver();
    const descriptors = { arrivals: this.#state.fd };
    this.#program = new BpfProgram('tc', { ...program, instructions: relocate(program, descriptors) });
    this.#link = attachTcx(this.#program, ifindex);
  }

  /** Begins anew. @param first @param last numbers, from 1, of the datagrams whose times are wanted. */
  arm(first: number, last: number): void {
    STATE.write(this.#state.value, 0, { count: 0, firstAt: first, lastAt: last, first: 0, last: 0 });
    this.#state.update();
  }

  arrivals(): Arrivals {
    this.#state.lookup();
    const { count, first, last } = STATE.read(this.#state.value, 0);
    return { count, nanoseconds: last === 0 ? undefined : last - first };
  }

  close(): void {
    for (const object of [this.#link, this.#program, this.#state]) object.close();
  }
}

function receiver(): Program {
  const a = new Assembler('bench_receive');
  const key = a.stack(record('key', { number: u32 }));
  const skb = SK_BUFF.at(r6);
  const state = STATE.at(r8);
  a.mov(r6, r1).load(r7, skb.data).load(r3, skb.dataEnd);
  a.needBytes(r7, ETH_HLEN + IPV6.size, r3, r1, 'pass');
  a.load(r1, ETHERNET.at(r7).type)
    .jumpIf(r1, '==', htons(ETH_P_IPV6), 'ipv6')
    .jumpIf(r1, '!=', htons(ETH_P_IP), 'pass');
  a.load(r1, IPV4.at(r7, ETH_HLEN).protocol).jump('protocol');
  a.label('ipv6').load(r1, IPV6.at(r7, ETH_HLEN).nextHeader);
  a.label('protocol');
  for (const protocol of [IPPROTO_UDP, IPPROTO_IPIP, IPPROTO_IPV6]) a.jumpIf(r1, '==', protocol, 'count');
  a.label('pass').mov(r0, TC_ACT_UNSPEC).exit();
  a.label('count').store(key.number, 0);
  a.movMap(r1, 'arrivals').mov(r2, r10).add(r2, key.offset).call('map_lookup_elem');
  a.jumpIf(r0, '==', 0, 'drop').mov(r8, r0);
  // one queue of one interface: nobody else counts
  a.load(r7, state.count).add(r7, 1).store(state.count, r7);
  a.load(r1, state.firstAt).jumpIf(r7, '!=', r1, 'later').call('ktime_get_ns').store(state.first, r0);
  a.label('later').load(r1, state.lastAt).jumpIf(r7, '!=', r1, 'drop');
  a.call('ktime_get_ns').store(state.last, r0);
  a.label('drop').mov(r0, TC_ACT_SHOT).exit();
  return a.finish();
}
