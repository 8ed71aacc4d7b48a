import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasNvidiaGpu, missingForVulkan } from '../../runtime/ort/node/vulkan.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'onnsight-vulkan-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function file(path: string, text = ''): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  return path;
}

const loader = () => file('/usr/lib/x86_64-linux-gnu/libvulkan.so.1');
const driver = (library: string, folder = '/usr/share/vulkan/icd.d') =>
  file(`${folder}/${library}.json`, JSON.stringify({ ICD: { library_path: `/usr/lib/${library}` } }));

/** A GPU as the kernel shows it: a node in /dev, and a link to the driver in /sys. */
function gpu(kernelDriver: string, name = 'renderD128'): void {
  file(`/dev/dri/${name}`);
  const device = join(root, 'sys/class/drm', name, 'device');
  mkdirSync(device, { recursive: true });
  symlinkSync(`../../../bus/pci/drivers/${kernelDriver}`, join(device, 'driver'));
}

const missing = (env: Record<string, string> = {}) => missingForVulkan({ root, env: { HOME: '/home/me', ...env } });

describe('whether Vulkan reaches a GPU on Linux', () => {
  it('not without the loader, a driver, a GPU', () => {
    expect(missing()).toBe('there is no Vulkan loader (libvulkan.so.1)');
    loader();
    expect(missing()).toBe('there is no Vulkan driver');
    driver('libvulkan_intel.so');
    expect(missing()).toBe('there is no GPU that this user may open');
    gpu('i915');
    expect(missing()).toBeNull();
  });

  it.each(['libvk_swiftshader.so', 'libvulkan_lvp.so'])('not with %s alone, which computes on the CPU', (library) => {
    loader();
    gpu('i915');
    const path = driver(library, '/opt/software');
    expect(missing({ VK_ICD_FILENAMES: path })).toBe(`the only Vulkan driver computes on the CPU (${library})`);
    expect(missing({ VK_DRIVER_FILES: path })).toBe(`the only Vulkan driver computes on the CPU (${library})`);
    // A path that is named hides the drivers that are installed, unless it is added.
    driver('libvulkan_intel.so');
    expect(missing({ VK_ICD_FILENAMES: path })).not.toBeNull();
    expect(missing({ VK_ADD_DRIVER_FILES: path })).toBeNull();
  });

  it("not with other vendors' drivers, which Mesa installs all together", () => {
    loader();
    gpu('nvidia');
    for (const name of ['intel', 'radeon', 'lvp']) driver(`libvulkan_${name}.so`);
    expect(missing()).toBe('no Vulkan driver fits the GPU (kernel driver nvidia)');
    driver('libGLX_nvidia.so.0', '/etc/vulkan/icd.d');
    expect(missing()).toBeNull();
  });

  it('with one fitting GPU of two, and with a GPU whose kernel driver is not known here', () => {
    loader();
    gpu('nouveau');
    driver('libvulkan_radeon.so', '/home/me/.local/share/vulkan/icd.d');
    expect(missing()).not.toBeNull();
    gpu('amdgpu', 'renderD129');
    expect(missing()).toBeNull();
  });

  it('takes the loader and the drivers from where the environment says', () => {
    file('/opt/lib/libvulkan.so.1');
    driver('libvulkan_panfrost.so', '/opt/share/vulkan/icd.d');
    gpu('panthor');
    expect(missing({ LD_LIBRARY_PATH: '/opt/lib:/other', XDG_DATA_DIRS: '/other:/opt/share' })).toBeNull();
    expect(missing({ LD_LIBRARY_PATH: '/opt/lib:/other' })).toBe('there is no Vulkan driver');
  });

  it('tells an NVIDIA GPU, also within a container that shows no render node', () => {
    gpu('amdgpu');
    expect(hasNvidiaGpu(root)).toBe(false);
    file('/dev/nvidiactl');
    expect(hasNvidiaGpu(root)).toBe(true);
  });
});
