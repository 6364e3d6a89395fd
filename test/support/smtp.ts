import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Stage } from './stage.ts';

export interface ReceivedMail {
  from: string;
  to: string;
  /** By lower-case name, unfolded. */
  headers: Record<string, string>;
  source: string;
}

export interface SmtpServer {
  url: string;
  mails: ReceivedMail[];
  /** Answers to `RCPT TO` and to the end of `DATA` from now on, instead of 250. */
  refuse(answers: { recipient?: string; data?: string } | undefined): void;
}

const maxBytes = 4 << 20;

/** A mail server on loopback (RFC 5321 as far as a client without extensions needs it); it keeps what it takes. */
export async function startSmtp(stage: Stage): Promise<SmtpServer> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  let refusals: { recipient?: string; data?: string } = {};
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    serve(socket, mails, () => refusals);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    refuse: (answers) => {
      refusals = answers ?? {};
    },
  };
}

function serve(
  socket: Socket,
  mails: ReceivedMail[],
  refusals: () => { recipient?: string; data?: string },
): void {
  const say = (line: string) => void socket.write(`${line}\r\n`);
  let [buffer, from, to, isData] = ['', '', '', false];
  const command = (line: string): void => {
    const word = line.slice(0, 4).toUpperCase();
    if (word === 'QUIT') {
      say('221 bye');
      socket.end();
    } else if (word === 'DATA') {
      isData = true;
      say('354 go on');
    } else if (word === 'RCPT') {
      to = line.slice(line.indexOf('<') + 1, line.indexOf('>'));
      say(refusals().recipient ?? '250 ok');
    } else {
      if (word === 'MAIL') from = line.slice(line.indexOf('<') + 1, line.indexOf('>'));
      say('250 ok');
    }
  };
  const data = (source: string): void => {
    isData = false;
    const answer = refusals().data ?? '250 queued';
    if (answer.startsWith('250')) mails.push({ from, to, headers: headersOf(source), source });
    say(answer);
  };
  socket.on('data', (chunk) => {
    buffer += chunk.toString('latin1');
    if (buffer.length > maxBytes) socket.destroy();
    for (;;) {
      const end = isData ? '\r\n.\r\n' : '\r\n';
      const at = buffer.indexOf(end);
      if (at < 0) return;
      const part = buffer.slice(0, at);
      buffer = buffer.slice(at + end.length);
      if (isData) data(part);
      else command(part);
    }
  });
  say('220 test');
}

function headersOf(source: string): Record<string, string> {
  const head = source.slice(0, source.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ');
  return Object.fromEntries(
    head.split('\r\n').map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
}
