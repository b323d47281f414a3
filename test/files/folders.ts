/** Folders and certificates of a test's own, gone when it ends. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createCertificate } from '../support/certificate.ts';

export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'http-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A self-signed certificate, also as files. */
export function certificateFor(host: string): {
  key: string;
  cert: string;
  keyFile: string;
  certFile: string;
} {
  const folder = temporaryFolder();
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const { key, cert } = createCertificate([host]);
  writeFileSync(keyFile, key);
  writeFileSync(certFile, cert);
  return { key, cert, keyFile, certFile };
}
