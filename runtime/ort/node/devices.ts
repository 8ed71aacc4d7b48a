import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { type Device, DeviceError } from '../port.ts';
import { probeModel } from './probe.ts';
import { hasNvidiaGpu, missingForVulkan } from './vulkan.ts';

const HOW: Readonly<Record<Device, string>> = {
  cpu: 'It is part of onnxruntime-node.',
  webgpu:
    process.platform === 'linux'
      ? "Install Vulkan's loader and the driver of your GPU (Debian, Ubuntu: apt install libvulkan1, and mesa-vulkan-drivers for AMD and Intel or the driver of NVIDIA). Without a GPU, SwiftShader's driver does, slowly: apt install libvulkan1 chromium, and set VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json before the program starts."
      : 'It needs a GPU with a Metal or Direct3D 12 driver.',
  cuda: 'Install the CUDA 12 libraries, and the provider with: npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12',
};

/**
 * The best device that works: `cuda`, then `webgpu`, then `cpu`. Each candidate has to run a small model. On Linux, `auto`
 * leaves out a `webgpu` that would compute on the CPU, as with SwiftShader or llvmpipe: `cpu` is many times faster.
 */
export async function chooseDevice(wanted: Device | 'auto'): Promise<Device> {
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
        : await tryDevice(device);
    if (reason === null) return device;
    if (wanted !== 'auto')
      throw new DeviceError(`The device '${device}' does not work here: ${reason}. ${HOW[device]}`);
  }
  return 'cpu';
}

/** Whether `auto` should try a device: the native libraries complain on stderr where their drivers are missing. */
function mayWork(device: Device): boolean {
  if (process.platform !== 'linux') return device !== 'cuda' || process.platform === 'win32';
  return device === 'webgpu' ? missingForVulkan() === null : hasCudaProvider() && hasNvidiaGpu();
}

/** Whether the provider is there, on Linux, where it is downloaded by itself: loading a missing one complains on stderr. */
function hasCudaProvider(): boolean {
  if (process.platform !== 'linux') return true;
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const binaries = join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(join(binaries, 'libonnxruntime_providers_cuda.so'));
}

/** Why a device does not work, or null where it does. */
async function tryDevice(device: Device): Promise<string | null> {
  try {
    const session = await InferenceSession.create(probeModel(), { executionProviders: [device], logSeverityLevel: 4 });
    await session.run({ x: new Tensor('float32', [1], [1]) });
    await session.release();
    return null;
  } catch (error) {
    const missing = device === 'webgpu' && process.platform === 'linux' ? missingForVulkan() : null;
    return missing ?? nativeReason(error);
  }
}

/** The first line of a native error, without the C++ source that it begins with. */
function nativeReason(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line!.replace(/^\S+\.(?:cc|cpp|h):\d+ .* was false\. /, '').replace(/\.$/, '');
}
