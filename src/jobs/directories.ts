/** What lies in a directory and below it, with all that links lead to. https://hl7.org/fhir/R4/profiling.html */
import { type Dirent, readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path';

/** A directory, its files, and where its links lead to. Paths begin with that of the directory that was asked for. */
export interface Listed {
  readonly path: string;
  readonly files: readonly string[];
  readonly links: readonly string[];
}

/**
 * The directory and all below it, in the order of their names, without what a dot hides. Links to directories are followed, whatever
 * the version of Node; one that was met before, by another name too, isn't entered again. None where there is no such directory.
 * `enter` hears of each before it is looked into.
 */
export function directoriesBelow(directory: string, enter: (path: string) => void = () => {}): readonly Listed[] {
  return [...below(directory, enter, new Set())];
}

/** `met`: directories by device and inode. */
function* below(path: string, enter: (path: string) => void, met: Set<string>): Generator<Listed> {
  const id = idOf(path);
  if (id === undefined || met.has(id)) return;
  met.add(id);
  enter(path);
  const files: string[] = [];
  const links: string[] = [];
  const directories: string[] = [];
  for (const entry of entriesOf(path)) {
    const inside = join(path, entry.name);
    if (entry.isSymbolicLink()) links.push(...targetOf(inside));
    // A link that leads nowhere is a file that can't be read.
    const isDirectory = entry.isDirectory() || (entry.isSymbolicLink() && idOf(inside) !== undefined);
    (isDirectory ? directories : files).push(inside);
  }
  yield { path, files, links };
  for (const each of directories) yield* below(each, enter, met);
}

/** The files of a directory and all below it whose names end so: paths below it, sorted. */
export function filesBelow(directory: string, ending: string): readonly string[] {
  return directoriesBelow(directory)
    .flatMap(({ files }) => files)
    .filter((file) => file.endsWith(ending))
    .map((file) => relative(directory, file))
    .sort();
}

/** The nearest directory that a path lies in, and is there; `next`: the name in it that leads to the path. */
export function nearestAbove(path: string): { readonly path: string; readonly next: string } {
  let next = path;
  let above = dirname(path);
  while (idOf(above) === undefined && dirname(above) !== above) {
    next = above;
    above = dirname(above);
  }
  return { path: above, next: basename(next) };
}

/**
 * The links on the way to a path, itself included, and on the ways that they lead: any of them may come to lead elsewhere. In the order in
 * which they are met.
 */
export function linksOnTheWay(path: string): readonly string[] {
  const met = new Set<string>();
  const follow = (way: string): void => {
    const { root } = parse(way);
    let at = root;
    for (const name of way.slice(root.length).split(sep)) {
      const next = join(at, name);
      const [target] = targetOf(next);
      at = target ?? next;
      if (target === undefined || met.has(next)) continue;
      met.add(next);
      follow(target);
    }
  };
  follow(resolve(path));
  return [...met];
}

/** What tells a directory from all others, by whatever name; undefined where there is none. */
export function idOf(path: string): string | undefined {
  try {
    const found = statSync(path);
    return found.isDirectory() ? `${found.dev} ${found.ino}` : undefined;
  } catch {
    return undefined;
  }
}

function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // It went away meanwhile; one that isn't ours to read is a fault.
    if (idOf(path) === undefined) return [];
    throw error;
  }
}

function targetOf(link: string): readonly string[] {
  try {
    return [resolve(dirname(link), readlinkSync(link))];
  } catch {
    // It is no link, or went away meanwhile.
    return [];
  }
}
