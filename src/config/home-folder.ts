/** The person's home folder, which everything that Node or env-paths tell is to lie below. */
import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';

/** HOME, unless it is empty or relative: then what the system knows; never the working directory. */
export function homeFolder({ HOME = '' }: { readonly HOME?: string | undefined }): string {
  if (isAbsolute(HOME)) return HOME;
  try {
    return process.platform === 'win32' ? homedir() : userInfo().homedir;
  } catch {
    return '/'; // as in a container whose user is in no list
  }
}
