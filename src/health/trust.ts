/** Certificate authorities that checks trust: files, read again when they have changed. */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';

interface Trust {
  /** When the file was written, and its length: what tells one content from the next. */
  readonly version: string;
  readonly context: SecureContext;
}

const known = new Map<string, Trust>();

/**
 * What trusts the authorities of a file and no others.
 * @param file certificates (PEM)
 * @throws where it cannot be read, or holds something else
 */
export async function trustIn(file: string): Promise<SecureContext> {
  const { mtimeMs, size } = await stat(file);
  const version = `${mtimeMs} ${size}`;
  const before = known.get(file);
  if (before?.version === version) return before.context;
  const ca = await readFile(file);
  try {
    // a context takes whatever it is given, and trusts nobody then
    new X509Certificate(ca);
  } catch {
    throw new Error(`${file}: no certificate (PEM) in it`);
  }
  const context = createSecureContext({ ca });
  known.set(file, { version, context });
  return context;
}
