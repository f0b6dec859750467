/** Answers messages to the generic netlink family `IPVS` as the kernel does (`net/netlink/genetlink.c`). */
import { IpvsError } from '../../errors.js';
import {
  LITTLE,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_ECHO,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER,
  NLMSG_MIN_TYPE,
  type WholeMessage,
} from '../../wire/netlink.js';
import type { Director } from '../command.js';
import { errnoOf } from '../errno-of.js';
import { carryOut, dump } from './commands.js';
import { abilities, asksForFamily, familyMessage, GENL_ID_CTRL, IPVS_FAMILY_ID } from './family.js';
import { CMD, GENL_HEADER } from './numbers.js';

/** Who asks. */
export interface Asker {
  /** Port of the socket that the message came from. */
  readonly port: number;
  /** The socket does not want its messages repeated in errors (`NETLINK_CAP_ACK`). */
  readonly capAck: boolean;
  /** It has CAP_NET_ADMIN. */
  readonly admin: boolean;
}

/** What becomes of a message. */
export interface Outcome {
  /** Netlink messages for the asker, in order. */
  readonly messages: Uint8Array[];
  /** The kernel is to be asked too: the message is not about IPVS, or not about it alone. */
  readonly passOn: boolean;
}

const PASS_ON: Outcome = { messages: [], passOn: true };

/** Answers one message. Never rejects: what fails is answered with its error. */
export async function answerMessage(
  director: Director,
  message: WholeMessage,
  asker: Asker,
): Promise<Outcome> {
  const { type, flags, view } = message;
  if (type === GENL_ID_CTRL && (flags & NLM_F_REQUEST) !== 0) {
    const asked = asksForFamily(view, flags);
    if (asked === undefined) return PASS_ON;
    const family = familyMessage(asked === 'all').finish(message.sequence, asker.port);
    if (asked === 'all') return { messages: [family], passOn: true };
    return { messages: [family, ...acknowledgement(message, asker)], passOn: false };
  }
  const ours = type === IPVS_FAMILY_ID || type < NLMSG_MIN_TYPE || (flags & NLM_F_REQUEST) === 0;
  if (!ours) return PASS_ON;
  try {
    const messages = await answerRequest(director, message, asker);
    return { messages, passOn: false };
  } catch (error) {
    return { messages: [failure(message, asker, errnoOf(error))], passOn: false };
  }
}

async function answerRequest(director: Director, message: WholeMessage, asker: Asker): Promise<Uint8Array[]> {
  const { type, flags, view, sequence } = message;
  // netlink's own messages, and answers to nothing
  if (type < NLMSG_MIN_TYPE || (flags & NLM_F_REQUEST) === 0) return acknowledgement(message, asker);
  if (view.byteLength < GENL_HEADER) throw new IpvsError('BAD_REQUEST');
  if (!isWellMade(view, flags)) throw new IpvsError('BAD_REQUEST');
  const can = abilities(view.getUint8(0));
  const wantsDump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
  if (can === undefined || !(wantsDump ? can.dump : can.do)) throw new IpvsError('NOT_SUPPORTED');
  if (!asker.admin) throw new IpvsError('NOT_PERMITTED');
  if (wantsDump) {
    const found = await dumpOrNothing(director, view);
    const done = new NetlinkWriter(NLMSG_DONE, NLM_F_MULTI, new Uint8Array(4));
    return [...found, done].map((each) => each.finish(sequence, asker.port));
  }
  const answer = await carryOut(director, view);
  const answers = answer === undefined ? [] : [answer.finish(sequence, asker.port)];
  return [...answers, ...acknowledgement(message, asker)];
}

/** What a kernel demands of headers, in commands that the family does not have yet (`genl_header_check`). */
function isWellMade(view: DataView, flags: number): boolean {
  if (view.getUint8(0) <= CMD.FLUSH) return true;
  const others = (flags & NLM_F_DUMP) === NLM_F_DUMP ? flags & ~NLM_F_DUMP : flags;
  return view.getUint16(2) === 0 && (others & ~(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO)) === 0;
}

/** The kernel dumps nothing of what is not there. */
async function dumpOrNothing(director: Director, view: DataView): Promise<NetlinkWriter[]> {
  try {
    return await dump(director, view);
  } catch (error) {
    if (error instanceof IpvsError && error.code === 'SERVICE_NOT_FOUND') return [];
    throw error;
  }
}

function acknowledgement(message: WholeMessage, asker: Asker): Uint8Array[] {
  return (message.flags & NLM_F_ACK) === 0 ? [] : [failure(message, asker, 0)];
}

/** `struct nlmsgerr`: the errno, then the request that it is about. */
function failure({ bytes, sequence }: WholeMessage, { port, capAck }: Asker, errno: number): Uint8Array {
  const capped = errno === 0 || capAck;
  const quoted = capped ? bytes.subarray(0, NLMSG_HEADER) : bytes;
  const fixed = new Uint8Array(4 + quoted.length);
  new DataView(fixed.buffer).setInt32(0, -errno, LITTLE);
  fixed.set(quoted, 4);
  return new NetlinkWriter(NLMSG_ERROR, capped ? NLM_F_CAPPED : 0, fixed).finish(sequence, port);
}
