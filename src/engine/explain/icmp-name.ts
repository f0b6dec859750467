/** Names of the ICMP errors that the engine sends. */
import * as icmp from '../../wire/icmp.js';
import { AF_INET, type Family } from '../../wire/inet.js';

const V4: Readonly<Record<string, string>> = {
  [`${icmp.ICMP_DEST_UNREACH}/${icmp.ICMP_HOST_UNREACH}`]: 'host unreachable',
  [`${icmp.ICMP_DEST_UNREACH}/${icmp.ICMP_PORT_UNREACH}`]: 'port unreachable',
  [`${icmp.ICMP_DEST_UNREACH}/${icmp.ICMP_FRAG_NEEDED}`]: 'fragmentation needed',
  [`${icmp.ICMP_TIME_EXCEEDED}/0`]: 'time exceeded',
};
const V6: Readonly<Record<string, string>> = {
  [`${icmp.ICMPV6_DEST_UNREACH}/${icmp.ICMPV6_ADDR_UNREACH}`]: 'address unreachable',
  [`${icmp.ICMPV6_DEST_UNREACH}/${icmp.ICMPV6_PORT_UNREACH}`]: 'port unreachable',
  [`${icmp.ICMPV6_PKT_TOOBIG}/0`]: 'packet too big',
  [`${icmp.ICMPV6_TIME_EXCEED}/0`]: 'time exceeded',
};

/** What an ICMP error says. */
export function icmpName(family: Family, type: number, code: number): string {
  return (family === AF_INET ? V4 : V6)[`${type}/${code}`] ?? `type ${type}, code ${code}`;
}
