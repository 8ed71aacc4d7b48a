import './environment.ts';
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { type Device, DeviceError } from '../port.ts';
import { cudaTrouble, hasCudaProvider, NO_PROVIDER, type Trouble } from './cuda.ts';
import { probeModel } from './probe.ts';
import { hasNvidiaGpu, missingForVulkan } from './vulkan.ts';

const DEVICES: readonly Device[] = ['cpu', 'webgpu', 'cuda'];

const HOW_WEBGPU =
  process.platform === 'linux'
    ? "Install Vulkan's loader and the driver of your GPU (Debian, Ubuntu: apt install libvulkan1, and mesa-vulkan-drivers for AMD and Intel or the driver of NVIDIA). Without a GPU, SwiftShader's driver does, slowly: apt install libvulkan1 chromium, and set VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json before the program starts."
    : 'It needs a GPU with a Metal or Direct3D 12 driver.';

/**
 * The best device that works: `cuda`, then `webgpu`, then `cpu`. Each candidate has to run a small model. On Linux, `auto`
 * leaves out a `webgpu` that would compute on the CPU, as with SwiftShader or llvmpipe: `cpu` is many times faster.
 */
export async function chooseDevice(wanted: Device | 'auto'): Promise<Device> {
  if (wanted === 'cpu') return wanted;
  if (wanted !== 'auto' && !DEVICES.includes(wanted)) {
    throw new DeviceError(`There is no device '${wanted}'. Take one of auto, ${DEVICES.join(', ')}.`);
  }
  const candidates: Device[] = wanted === 'auto' ? (['cuda', 'webgpu'] as const).filter(mayWork) : [wanted];
  for (const device of candidates) {
    const trouble = await tryDevice(device);
    if (trouble === null) return device;
    if (wanted !== 'auto') {
      throw new DeviceError(`The device '${device}' does not work here: ${trouble.reason}. ${trouble.how}`);
    }
  }
  return 'cpu';
}

/** Whether `auto` should try a device: the native libraries complain on stderr where their drivers are missing. */
function mayWork(device: Device): boolean {
  if (process.platform !== 'linux') return device !== 'cuda' || process.platform === 'win32';
  return device === 'webgpu' ? missingForVulkan() === null : hasCudaProvider() && hasNvidiaGpu();
}

/** Why a device does not work, or null where it does. */
async function tryDevice(device: Device): Promise<Trouble | null> {
  if (!listSupportedBackends().some(({ name }) => name === device)) {
    const reason = `onnxruntime-node has no ${device} provider on ${process.platform}/${process.arch}`;
    return { reason, how: 'Take another device.' };
  }
  if (device === 'cuda' && !hasCudaProvider()) return NO_PROVIDER;
  try {
    const session = await InferenceSession.create(probeModel(), { executionProviders: [device], logSeverityLevel: 4 });
    await session.run({ x: new Tensor('float32', [1], [1]) });
    await session.release();
    return null;
  } catch (error) {
    return device === 'cuda' ? cudaTrouble(error) : webGpuTrouble(error);
  }
}

/** The first line of a native error, without the C++ source at its start; if a file is missing, that file. */
function webGpuTrouble(error: unknown): Trouble {
  const missing = process.platform === 'linux' ? missingForVulkan() : null;
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  const native = line!.replace(/^\S+\.(?:cc|cpp|h):\d+ .* was false\. /, '').replace(/\.$/, '');
  return { reason: missing ?? native, how: HOW_WEBGPU };
}
