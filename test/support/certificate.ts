/** Certificates for tests, made by openssl. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Files of a certificate that signs itself, and its key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a certificate for 127.0.0.1, ::1 and `localhost`, good for one day.
 * @param folder where its files go.
 */
export function makeCertificate(folder: string, name = 'server'): CertificateFiles {
  const cert = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  const words = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '1',
  ];
  const names = 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost';
  execFileSync(
    'openssl',
    [...words, '-subj', `/CN=${name}`, '-addext', names, '-keyout', key, '-out', cert],
    {
      stdio: 'pipe',
    },
  );
  return { cert, key };
}
