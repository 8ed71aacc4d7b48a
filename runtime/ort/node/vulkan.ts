import { accessSync, constants, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A machine with Linux: its files and its environment variables. */
export interface Machine {
  /** The folder that its files stand under. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The drivers that compute on the CPU: SwiftShader, Mesa's llvmpipe and the loader's own stand-in. */
const SOFTWARE = /swiftshader|lvp|llvmpipe|mock_icd/i;

/** Which Vulkan library serves the GPUs of a kernel driver. Those of other kernel drivers take any library. */
const LIBRARIES: Readonly<Record<string, RegExp>> = {
  nvidia: /nvidia/i,
  nouveau: /nouveau/i,
  amdgpu: /radeon|amd/i,
  radeon: /radeon|amd/i,
  i915: /intel/i,
  xe: /intel/i,
  dxg: /dzn/i,
};

/**
 * Why Vulkan has no GPU on a machine with Linux, or null if there is a GPU with a driver. It reads files only:
 * Vulkan itself complains on stderr where something is missing, and onnxruntime does not tell which adapter it took.
 */
export function missingForVulkan(machine: Machine = { root: '/', env: process.env }): string | null {
  if (!libraryFolders(machine.env).some((folder) => existsSync(join(machine.root, folder, 'libvulkan.so.1')))) {
    return 'there is no Vulkan loader (libvulkan.so.1)';
  }
  const libraries = manifests(machine).map(library);
  if (libraries.length === 0) return 'there is no Vulkan driver';
  const hardware = libraries.filter((name) => !SOFTWARE.test(name));
  if (hardware.length === 0) return `the only Vulkan driver computes on the CPU (${basename(libraries[0]!)})`;
  const gpus = kernelDrivers(machine.root);
  if (gpus.length === 0) return 'there is no GPU that this user may open';
  const served = gpus.some((gpu) => hardware.some((name) => LIBRARIES[gpu]?.test(name) ?? true));
  return served ? null : `no Vulkan driver fits the GPU (kernel driver ${gpus.join(', ')})`;
}

/** Whether there is a GPU that CUDA could use. */
export function hasNvidiaGpu(root = '/'): boolean {
  return kernelDrivers(root).some((driver) => driver === 'nvidia' || driver === 'dxg');
}

const split = (paths: string | undefined) => (paths ?? '').split(':').filter(Boolean);

function libraryFolders(env: Machine['env']): string[] {
  const system = ['/usr/lib', '/usr/lib64', '/lib', '/usr/local/lib'];
  const debian = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];
  return [...split(env.LD_LIBRARY_PATH), ...system, ...debian];
}

/** The files that name drivers, where Vulkan's loader looks for them. */
function manifests({ root, env }: Machine): string[] {
  const named = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  const home = env.HOME ?? '';
  const folders = [
    env.XDG_CONFIG_HOME ?? join(home, '.config'),
    ...split(env.XDG_CONFIG_DIRS ?? '/etc/xdg'),
    '/usr/local/etc',
    '/etc',
    env.XDG_DATA_HOME ?? join(home, '.local/share'),
    ...split(env.XDG_DATA_DIRS ?? '/usr/local/share:/usr/share'),
  ].map((folder) => join(folder, 'vulkan/icd.d'));
  const places = named ? split(named) : [...split(env.VK_ADD_DRIVER_FILES), ...folders];
  return places.flatMap((place) => filesAt(join(root, place)));
}

/** A file by itself, or the JSON files of a folder. */
function filesAt(place: string): string[] {
  const found = statSync(place, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found ? [place] : [];
  return list(place)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(place, name));
}

/** The library that a manifest names; the manifest's own name where it cannot be read. */
function library(manifest: string): string {
  try {
    return String(JSON.parse(readFileSync(manifest, 'utf8')).ICD.library_path);
  } catch {
    return manifest;
  }
}

/** The kernel drivers of the GPUs that this process may use. */
function kernelDrivers(root: string): string[] {
  const nodes = list(join(root, 'dev/dri')).filter(
    (name) => name.startsWith('renderD') && mayOpen(join(root, 'dev/dri', name)),
  );
  const drivers = nodes.map((name) => linkName(join(root, 'sys/class/drm', name, 'device/driver')));
  if (mayOpen(join(root, 'dev/nvidiactl'))) drivers.push('nvidia');
  if (mayOpen(join(root, 'dev/dxg'))) drivers.push('dxg');
  // vgem shares memory between drivers; there is nothing behind it that computes.
  return [...new Set(drivers)].filter((driver) => driver !== 'vgem');
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function mayOpen(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function linkName(link: string): string {
  try {
    return basename(readlinkSync(link));
  } catch {
    return 'unknown';
  }
}
