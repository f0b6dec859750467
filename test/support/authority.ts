/** Certificate authorities for tests, made by openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, as servers take them (PEM). */
export interface Issued {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority that signs whatever it is asked for. */
export class Authority {
  /** File of its own certificate. */
  readonly file: string;
  readonly #folder: string;
  readonly #name: string;
  #issued = 0;

  /** @param folder where its files go. @param name of its files, and its own. */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.file = this.#path('pem');
    openssl('req', '-x509', ...KEY, '-days', '1', '-subj', `/CN=${name}`, ...this.#out('key'));
  }

  /**
   * Signs a certificate.
   * @param names whom it is for: `DNS:shop.example,IP:127.0.0.1`. @param days for which it is good; negative: it ended as many days ago.
   */
  issue(names: string, days = 1): Issued {
    const name = `${this.#issued++}`;
    const [key, request, terms, cert] = ['key', 'csr', 'ext', 'pem'].map((end) =>
      this.#path(`${name}.${end}`),
    );
    openssl('req', ...KEY, '-subj', '/CN=server', '-keyout', key!, '-out', request!);
    writeFileSync(terms!, `subjectAltName=${names}\n`);
    const signing = ['-CA', this.file, '-CAkey', this.#path('key'), '-set_serial', `${this.#issued}`];
    openssl(
      'x509',
      '-req',
      '-in',
      request!,
      ...signing,
      '-days',
      `${days}`,
      '-extfile',
      terms!,
      '-out',
      cert!,
    );
    return { cert: readFileSync(cert!), key: readFileSync(key!) };
  }

  #path(end: string): string {
    return join(this.#folder, `${this.#name}.${end}`);
  }

  #out(key: string): string[] {
    return ['-keyout', this.#path(key), '-out', this.file];
  }
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: 'pipe' });
}
