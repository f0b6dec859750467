/** A small FTP server for tests, run as `node ftp-server.js TEXT PORT...`: every file has TEXT in it. Data go by PASV, EPSV, PORT and EPRT. */
import { connect, createServer, type Server, type Socket } from 'node:net';

const [text = '', ...ports] = process.argv.slice(2);

/** Gives the connection that the next file goes by. */
type Data = () => Promise<Socket>;

/** The text of a passive reply, once the server listens where the control connection came in. */
async function passive(control: Socket, extended: boolean): Promise<[reply: string, data: Data]> {
  const server: Server = createServer();
  const connection = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, control.localAddress, resolve));
  const { port } = server.address() as { port: number };
  const data: Data = async () => {
    const socket = await connection;
    server.close();
    return socket;
  };
  if (extended) return [`229 Entering extended passive mode (|||${port}|)`, data];
  // an IPv6 socket gives IPv4 addresses as mapped ones
  const quad = control.localAddress!.replace('::ffff:', '').replaceAll('.', ',');
  return [`227 Entering passive mode (${quad},${port >> 8},${port & 255})`, data];
}

/** A connection to where the client listens, from the port before that of the control connection. */
function active(control: Socket, host: string, port: number): Data {
  return () =>
    new Promise((resolve, reject) => {
      const localAddress = control.localAddress!.replace('::ffff:', '');
      const socket = connect({ host, port, localAddress, localPort: control.localPort! - 1 });
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    });
}

function serve(control: Socket): void {
  let data: Data | undefined;
  const say = (line: string): void => void control.write(`${line}\r\n`);
  const answer = async (line: string): Promise<void> => {
    const [verb = '', argument = ''] = line.split(' ');
    switch (verb.toUpperCase()) {
      case 'USER':
        return say('331 any password will do');
      case 'PASS':
        return say('230 welcome');
      case 'PWD':
        return say('257 "/"');
      case 'TYPE':
        return say('200 as you like');
      case 'PASV':
      case 'EPSV': {
        const [reply, next] = await passive(control, verb === 'EPSV');
        data = next;
        return say(reply);
      }
      case 'PORT': {
        const numbers = argument.split(',').map(Number);
        data = active(control, numbers.slice(0, 4).join('.'), (numbers[4]! << 8) | numbers[5]!);
        return say('200 as you like');
      }
      case 'EPRT': {
        const [, , host = '', port] = argument.split('|');
        data = active(control, host, Number(port));
        return say('200 as you like');
      }
      case 'RETR': {
        say('150 here it comes');
        (await data!()).end(text);
        return say('226 that was all');
      }
      case 'QUIT':
        say('221 goodbye');
        control.end();
        return;
      default:
        return say('502 what?');
    }
  };
  control.setEncoding('utf8').on('data', (lines: unknown) => {
    for (const line of String(lines).split('\r\n').filter(Boolean)) {
      answer(line).catch((error) => say(`425 ${error}`));
    }
  });
  control.on('error', () => {});
  say('220 ready');
}

let waiting = ports.length;
for (const port of ports) {
  createServer(serve).listen(Number(port), '::', () => {
    if (--waiting === 0) console.log('ready');
  });
}
