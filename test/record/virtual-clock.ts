/** Builds the library that gives a guest virtual time. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// tsc leaves C sources where they are: dist/test/record -> test/record
const SOURCE = fileURLToPath(new URL('../../../test/record/virtual-clock.c', import.meta.url));

/** Compiles it into `directory`. @returns its path; undefined when there is no working C compiler. */
export function buildVirtualClock(directory: string): string | undefined {
  const library = `${directory}/virtual-clock.so`;
  const done = spawnSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], {
    stdio: 'ignore',
  });
  return done.status === 0 ? library : undefined;
}
