/**
 * Run by the tests of temporary files: writes one into the data folder that it is given, says where,
 * and removes it when stdin ends.
 */
import { createTemporaryFiles } from '../../src/host/files/temporary-files.ts';

const files = createTemporaryFiles({ dataDir: process.argv[2] ?? '' });
process.stdout.write(`${await files.write('curl.conf', 'secret')}\n`);
process.stdin.resume().once('end', () => files.removeAll());
