/**
 * Brings a machine with only Node, npm and apt to where the project can be built, tested, shown and measured. Plain
 * JavaScript, because it runs before anything is installed. Does nothing, quickly, where nothing is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A step that failed; its message says what, and how to mend it. */
export class PrepareError extends Error {
  name = 'PrepareError';
}

/**
 * @param {object} needs
 * @param {boolean} [needs.npm] npm packages, from package-lock.json
 * @param {boolean} [needs.build] the built program in dist/
 * @param {readonly string[]} [needs.debian] Debian packages
 * @param {boolean} [needs.goOn] missing Debian packages are no failure when they cannot be installed
 * @returns {{ missing: string[] }} Debian packages that are still missing
 * @throws {PrepareError}
 */
export function prepare({ npm = false, build = false, debian = [], goOn = false }) {
  const missing = installDebian(debian, goOn);
  if (npm) installNpm();
  if (build) compile();
  return { missing };
}

/**
 * Runs a program in the project's folder, its output going where ours goes.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} [env] added to ours
 * @returns {number} its exit code
 */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error !== undefined) throw new PrepareError(`${command} cannot be run: ${error.message}`);
  return status ?? 1;
}

/**
 * Runs a program of node_modules/.bin.
 * @param {string} name
 * @param {...string} args
 * @returns {number} its exit code
 */
export function tool(name, ...args) {
  return run(`${ROOT}node_modules/.bin/${name}`, args);
}

/** Prints a heading of a step. */
export function say(text) {
  process.stdout.write(`\n== ${text}\n`);
}

function installNpm() {
  const wanted = `${ROOT}package-lock.json`;
  // npm writes it at the end of an installation
  const installed = `${ROOT}node_modules/.package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  say('Installing npm packages');
  // not "npm ci", which refuses a lock file without the optional packages of every other platform
  if (run('npm', ['install', '--no-save', '--no-audit', '--no-fund']) !== 0) {
    throw new PrepareError('npm packages could not be installed: is the npm registry within reach?');
  }
  // npm leaves its note as it was when nothing was missing
  const now = new Date();
  utimesSync(installed, now, now);
}

function compile() {
  say('Building');
  if (tool('tsc', '-p', '.') !== 0)
    throw new PrepareError('the project does not compile; the messages above say where');
}

function installDebian(names, goOn) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return missing;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid() !== 0)
    return unable(
      `Debian packages are missing, and only root can install them:\n  sudo ${command}`,
      missing,
      goOn,
    );
  say(`Installing Debian packages: ${missing.join(', ')}`);
  // so that what is installed does not also begin to serve
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const [program, ...args] = command.split(' ');
  try {
    if (run('apt-get', ['update', '-q'], env) === 0 && run(program, args, env) === 0) return [];
  } catch {
    return unable(
      `no apt-get here; these Debian packages, or what they hold, are needed:\n  ${missing.join(' ')}`,
      missing,
      goOn,
    );
  }
  return unable(
    `Debian packages could not be installed; try it by hand:\n  apt-get update && ${command}`,
    missing,
    goOn,
  );
}

function unable(message, missing, goOn) {
  if (!goOn) throw new PrepareError(message);
  process.stdout.write(`${message}\nTests that need them are skipped.\n`);
  return missing;
}

function isInstalled(name) {
  const { stdout } = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' });
  return stdout?.includes('\nStatus: install ok installed\n') === true;
}
