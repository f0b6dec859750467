/** What a refusal by the kernel's BPF means to the one who runs the daemon. */
import { IpvsError } from '../../errors.js';
import { VerifierError } from '../../linux/bpf-program.js';
import { CAP_PERFMON, CAP_SYS_ADMIN, hasCapability } from '../../linux/capabilities.js';
import { EPERM, SystemError } from '../../linux/errno.js';

/** The error itself, or NOT_PERMITTED with the capability that is missing. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof VerifierError && !hasCapability(CAP_PERFMON) && !hasCapability(CAP_SYS_ADMIN)) {
    return new IpvsError(
      'NOT_PERMITTED',
      'the verifier takes the programs only from root, or with CAP_PERFMON',
    );
  }
  if (error instanceof SystemError && error.number === EPERM) {
    return new IpvsError('NOT_PERMITTED', `${error.message}: BPF needs root, or CAP_BPF and CAP_PERFMON`);
  }
  return error;
}
