import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Gets packages without installing them: apt works with a sources list, index and cache of its own below `folder`, so that
 * nothing of the system changes and no rights are needed. Mirror and proxy are those the machine is configured for.
 * Signatures are verified as always: the release files of old stable suites carry no expiry date (`Valid-Until` is only
 * on updates and security), and debian-archive-keyring keeps the keys of two older releases.
 */
export class DebianPackages {
  #indexed = false;

  /** @param suite the release the packages come from; without one, that of this machine */
  constructor(
    private readonly folder: string,
    private readonly suite?: string,
  ) {}

  /**
   * Downloads packages with those of their dependencies that this system lacks, and unpacks all into one tree.
   * The index is fetched by the first call, and again by the next one after a failure.
   *
   * @returns the folder with the tree (`usr/bin/...`)
   * @throws with apt's own words, or when this is not a Debian machine
   */
  async unpack(names: readonly string[]): Promise<string> {
    if (!this.#indexed) await this.#update();
    this.#indexed = false;
    const tree = join(this.folder, 'tree');
    const archives = join(this.folder, 'archives');
    for (const path of [tree, archives]) {
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path, { recursive: true });
    }
    // Downloads in the folder it is in, of as many packages as it is told, without looking at what is installed.
    await run('apt-get', [...this.#options(), '-q', 'download', ...(await this.#lacking(names))], { cwd: archives, timeout: 300_000 });
    for (const archive of readdirSync(archives)) await run('dpkg', ['-x', join(archives, archive), tree]);
    rmSync(archives, { recursive: true });
    this.#indexed = true;
    return tree;
  }

  /** The packages themselves, and what installing them would bring along. Recommended packages are for people at a terminal. */
  async #lacking(names: readonly string[]): Promise<string[]> {
    const { stdout } = await run('apt-get', [...this.#options(), '-sqy', '--no-install-recommends', 'install', ...names]);
    return [...new Set([...names, ...[...stdout.matchAll(/^Inst (\S+)/gm)].map(([, brought = '']) => brought)])];
  }

  async #update(): Promise<void> {
    for (const part of ['lists/partial', 'cache/archives/partial', 'parts']) {
      mkdirSync(join(this.folder, part), { recursive: true });
    }
    const { mirror, codename } = await machineSource();
    const signedBy = existsSync(keyring) ? ` [signed-by=${keyring}]` : '';
    writeFileSync(join(this.folder, 'sources.list'), `deb${signedBy} ${mirror} ${this.suite ?? codename} main\n`);
    await run('apt-get', [...this.#options(), '-q', '--error-on=any', 'update'], { timeout: 300_000 });
  }

  #options(): string[] {
    const settings = {
      'Dir::Etc::SourceList': join(this.folder, 'sources.list'),
      'Dir::Etc::SourceParts': join(this.folder, 'parts'),
      'Dir::State::Lists': join(this.folder, 'lists'),
      'Dir::Cache': join(this.folder, 'cache'),
      // As root apt drops to user _apt, who may not enter a checkout in /root. Without root this does nothing.
      'APT::Sandbox::User': 'root',
      'Acquire::Retries': '2',
      'Acquire::Languages': 'none',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    };
    return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }
}

/** The mirror from which this machine gets its own release, whatever the form of its sources files. */
async function machineSource(): Promise<{ mirror: string; codename: string }> {
  const release = readFileSync('/etc/os-release', 'utf8');
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1];
  if (!/^ID=debian$/m.test(release) || codename === undefined) throw new Error('this is not a Debian machine');
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const targets = stdout.split('\n').map((line) => line.split(' '));
  const mirror = targets.find(([, suite, component]) => (suite === codename || suite === 'stable') && component === 'main')?.[0];
  if (mirror === undefined) throw new Error(`no apt source of ${codename} main in /etc/apt`);
  return { mirror, codename };
}
