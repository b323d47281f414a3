/**
 * Run by the crash tests: `refresher <data folder> <url> <point>` fetches `url`, and kills itself when
 * the refresh on the way has come to the point: `asked`, `answered`, or one of a write's.
 */
import { openSessionRoom } from './session-room.ts';

const [dataDir = '', url = '', point = ''] = process.argv.slice(2);
const reach = (reached: string): void => {
  if (reached === point) process.kill(process.pid, 'SIGKILL');
};
const room = openSessionRoom({
  dataDir,
  checkpoint: reach,
  wrapFetch: (fetch) => async (target, request) => {
    reach('asked');
    const answer = await fetch(target, request);
    reach('answered');
    return answer;
  },
});
process.stdout.write(`fetching\n`);
process.stdout.write(`${await room.status(new URL(url))}\n`);
await room.close();
