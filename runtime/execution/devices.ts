import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';

export type Device = 'cpu' | 'webgpu' | 'cuda';

const HOW: Readonly<Record<Device, string>> = {
  cpu: 'It is part of onnxruntime-node.',
  webgpu: 'It needs a GPU with a Vulkan, Metal or Direct3D 12 driver.',
  cuda: 'Install the CUDA 12 libraries, and the provider with: npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12',
};

/** The execution provider cannot be used here. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** The best device that works: `cuda`, then `webgpu`, then `cpu`. Each candidate has to run a small model. */
export async function chooseDevice(wanted: Device | 'auto', probe: Uint8Array): Promise<Device> {
  if (wanted === 'cpu') return wanted;
  if (wanted !== 'auto' && !Object.hasOwn(HOW, wanted)) {
    throw new DeviceError(`There is no device '${wanted}'. Take one of auto, ${Object.keys(HOW).join(', ')}.`);
  }
  const known = new Set(listSupportedBackends().map(({ name }) => name));
  const candidates: Device[] = wanted === 'auto' ? (['cuda', 'webgpu'] as const).filter(mayWork) : [wanted];
  for (const device of candidates) {
    const reason = !known.has(device)
      ? `onnxruntime-node has no ${device} provider on ${process.platform}/${process.arch}`
      : device === 'cuda' && !hasCudaProvider()
        ? 'the CUDA provider of onnxruntime-node is not installed'
        : await tryDevice(device, probe);
    if (reason === null) return device;
    if (wanted !== 'auto')
      throw new DeviceError(`The device '${device}' does not work here: ${reason}. ${HOW[device]}`);
  }
  return 'cpu';
}

/** Whether `auto` should try a device: the native libraries complain on stderr where their drivers are missing. */
function mayWork(device: Device): boolean {
  if (process.platform !== 'linux') return device !== 'cuda' || process.platform === 'win32';
  if (device === 'webgpu') return LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, 'libvulkan.so.1')));
  return hasCudaProvider();
}

/** Whether the provider is there, on Linux, where it is downloaded by itself: loading a missing one complains on stderr. */
function hasCudaProvider(): boolean {
  if (process.platform !== 'linux') return true;
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const binaries = join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(join(binaries, 'libonnxruntime_providers_cuda.so'));
}

const LIBRARY_FOLDERS = [
  ...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean),
  ...['/usr/lib', '/usr/lib64', '/lib', '/usr/local/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'],
];

/** Why a device does not work, or null where it does. */
async function tryDevice(device: Device, probe: Uint8Array): Promise<string | null> {
  try {
    const session = await InferenceSession.create(probe, { executionProviders: [device], logSeverityLevel: 4 });
    await session.run({ x: new Tensor('float32', [1], [1]) });
    await session.release();
    return null;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
  }
}
