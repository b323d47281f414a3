// Stands between a host and the server, and writes down every JSON-RPC line that passes.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

const [record, ...server] = process.argv.slice(2);
const child = spawn(process.execPath, server, { stdio: ['pipe', 'pipe', 'inherit'] });
const note = (from) => {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) appendFileSync(record, `${JSON.stringify({ from, line })}\n`);
  };
};
process.stdin.on('data', note('host')).pipe(child.stdin);
child.stdout.on('data', note('server')).pipe(process.stdout);
child.on('exit', (code) => process.exit(code ?? 1));
