/** How the family `IPVS` introduces itself: the answers of the controller `nlctrl` about it (`include/uapi/linux/genetlink.h`). */
import {
  attributes,
  attributeText,
  LITTLE,
  NetlinkWriter,
  NLM_F_DUMP,
  NLM_F_MULTI,
} from '../../wire/netlink.js';
import { CMD, CMD_ATTR_MAX, GENL_HEADER, IPVS_GENL_NAME, IPVS_GENL_VERSION } from './numbers.js';

/** Message type of the controller, `GENL_ID_CTRL`. */
export const GENL_ID_CTRL = 16;
/**
 * Our number for the family, which the kernel would choose: the highest there is (`GENL_MAX_ID`). The kernel gives its own families the lowest.
 */
export const IPVS_FAMILY_ID = 1023;

const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_VERSION = 2;
const CTRL_ATTR = { FAMILY_ID: 1, FAMILY_NAME: 2, VERSION: 3, HDRSIZE: 4, MAXATTR: 5, OPS: 6 } as const;
const CTRL_ATTR_OP = { ID: 1, FLAGS: 2 } as const;

const GENL_ADMIN_PERM = 1;
const CAN_DO = 2;
const CAN_DUMP = 4;
const HAS_POLICY = 8;

/** What can be dumped; of these, services alone can also be asked for one by one. */
const DUMPED: ReadonlySet<number> = new Set([CMD.GET_SERVICE, CMD.GET_DEST, CMD.GET_DAEMON]);

/** Whether a command can be carried out, and whether it can be dumped; undefined for no command. */
export function abilities(command: number): { readonly do: boolean; readonly dump: boolean } | undefined {
  if (command < CMD.NEW_SERVICE || command > CMD.FLUSH || command === CMD.SET_INFO) return undefined;
  const dump = DUMPED.has(command);
  return { do: !dump || command === CMD.GET_SERVICE, dump };
}

/** What a message to the controller wants of us: the family alone, the family among all others, or nothing. */
export function asksForFamily(view: DataView, flags: number): 'one' | 'all' | undefined {
  if (view.byteLength < GENL_HEADER || view.getUint8(0) !== CTRL_CMD_GETFAMILY) return undefined;
  if ((flags & NLM_F_DUMP) === NLM_F_DUMP) return 'all';
  const given = attributes(view, GENL_HEADER);
  const id = given.get(CTRL_ATTR.FAMILY_ID);
  const name = given.get(CTRL_ATTR.FAMILY_NAME);
  const meant =
    (name !== undefined && attributeText(name) === IPVS_GENL_NAME) ||
    (id !== undefined && id.byteLength >= 2 && id.getUint16(0, LITTLE) === IPVS_FAMILY_ID);
  return meant ? 'one' : undefined;
}

/** The controller's message about the family. @param among others, in a dump */
export function familyMessage(among: boolean): NetlinkWriter {
  const header = Uint8Array.of(CTRL_CMD_NEWFAMILY, CTRL_VERSION, 0, 0);
  const message = new NetlinkWriter(GENL_ID_CTRL, among ? NLM_F_MULTI : 0, header)
    .text(CTRL_ATTR.FAMILY_NAME, IPVS_GENL_NAME)
    .u16(CTRL_ATTR.FAMILY_ID, IPVS_FAMILY_ID)
    .u32(CTRL_ATTR.VERSION, IPVS_GENL_VERSION)
    .u32(CTRL_ATTR.HDRSIZE, 0)
    .u32(CTRL_ATTR.MAXATTR, CMD_ATTR_MAX);
  return message.nested(CTRL_ATTR.OPS, () => {
    const commands = Object.values(CMD).filter((command) => abilities(command) !== undefined);
    commands.forEach((command, i) => {
      const can = abilities(command)!;
      message.nested(i + 1, () => {
        message.u32(CTRL_ATTR_OP.ID, command);
        message.u32(
          CTRL_ATTR_OP.FLAGS,
          GENL_ADMIN_PERM | (can.do ? CAN_DO : 0) | (can.dump ? CAN_DUMP : 0) | HAS_POLICY,
        );
      });
    });
  });
}
