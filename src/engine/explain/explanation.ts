/** What would become of a packet, step by step, as plain data. */
import type { ConnRow } from '../conn-list.js';

/** A packet in brief. Ports are there when the protocol has them and the packet holds them. */
export interface PacketView {
  /** Protocol as listings name it: TCP, UDP, SCTP, ICMP, ICMPv6, `IP_47`. */
  protocol: string;
  source: string;
  destination: string;
  sourcePort?: number;
  destinationPort?: number;
  /** TCP flags that are set. */
  flags?: string[];
  /** TTL or hop limit. */
  ttl: number;
  /** Bytes, IP header included. */
  length: number;
  /** ICMP type and code. */
  icmpType?: number;
  icmpCode?: number;
}

/** A real server as the scheduler sees it. */
export interface WeighedServer {
  address: string;
  port: number;
  weight: number;
  activeConns: number;
  inactConns: number;
  persistConns: number;
  uThreshold: number;
  lThreshold: number;
  /** What keeps it from being chosen: weight 0, or the upper threshold. */
  excluded?: 'quiesced' | 'overloaded';
  /** Where its health makes the weight another one than what is configured: that. */
  configuredWeight?: number;
  /** Why its health checks say that it is down. */
  down?: string;
  /** What the scheduler compares: see the scheduler's rule. */
  figures: Record<string, number>;
  chosen: boolean;
}

/** One thing that the director does, or looks at. */
export type ExplainStep =
  | {
      step: 'connection-lookup';
      protocol: string;
      source: string;
      sourcePort: number;
      destination: string;
      destinationPort: number;
      /** A client's packet of the connection, a server's reply, or none. */
      found: 'request' | 'reply' | 'none';
      connection?: ConnRow;
    }
  | {
      step: 'service-lookup';
      /** What it was looked for by: the packet's mark, its own port, FTP's (21), or port 0, which stands for all. */
      by: 'fwmark' | 'port' | 'ftp' | 'any-port';
      key: string;
      found: boolean;
      scheduler?: string;
      persistent?: boolean;
    }
  | { step: 'drop-packet'; rate: number; counter: number; dropped: boolean }
  | { step: 'template-lookup'; key: string; found: boolean; connection?: ConnRow }
  | { step: 'template-refused'; server: string; why: 'removed' | 'quiesced' | 'other-server' }
  | {
      step: 'scheduler';
      scheduler: string;
      /** What it goes by; absent when it cannot be asked. */
      rule?: string;
      figures: Record<string, number>;
      servers: WeighedServer[];
      /** Address and port; null for none; absent when that cannot be told before. */
      chosen?: string | null;
    }
  | { step: 'server-lookup'; address: string; port: number; found: boolean; service?: string }
  | { step: 'connection-made'; template: boolean; connection: ConnRow; forward: string }
  | { step: 'connection-refused'; why: 'table-full' }
  | { step: 'state'; from: string; to: string; timeout: number }
  | { step: 'connection-ends'; connection: ConnRow };

/** A packet that would leave. */
export interface SentPacket {
  packet: PacketView;
  /** `client` when it is a reply, `server` else. */
  to: 'server' | 'client';
  /** Forwarding method of its connection. */
  forward?: string;
  /** The neighbour it is handed to, and the number of the interface; absent when the director's own stack sends it on. */
  nextHop?: string;
  ifindex?: number;
  /** The kind of tunnel that `packet` is, with what came in inside. */
  tunnel?: 'ipip' | 'gue' | 'gre';
}

/** An ICMP error that would be sent to the packet's source. */
export interface SentIcmp {
  type: number;
  code: number;
  /** `port unreachable` and the like. */
  name: string;
  /** MTU, where the error tells one. */
  mtu?: number;
}

/** Why it ends as it does. */
export type Outcome =
  | 'sent'
  | 'reply'
  | 'local'
  | 'not-ip'
  | 'no-service-of-family'
  | 'protocol-not-balanced'
  | 'icmp'
  | 'backup-only'
  | 'passing'
  | 'no-service'
  | 'opens-nothing'
  | 'drop-packet'
  | 'server-removed'
  | 'no-server'
  | 'port-not-served'
  | 'no-persistence-data'
  | 'table-full'
  | 'not-routed'
  | 'orphan'
  | 'undecided'
  | 'accepted'
  | 'dropped';

/** What would become of a packet. */
export interface Explanation {
  packet: PacketView;
  /** Where netfilter would hand it over. */
  hook: 'input' | 'forward' | 'output';
  fwmark: number;
  steps: ExplainStep[];
  /** `accept`: it goes on in the director's own stack; `steal`: the engine sends it on or uses it up; absent when undecided. */
  verdict?: 'accept' | 'drop' | 'steal';
  outcome: Outcome;
  sent: SentPacket[];
  icmp: SentIcmp[];
}
