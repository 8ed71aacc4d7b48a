import { existsSync } from 'node:fs';
import { missingForVulkan } from '../../runtime/ort/node/vulkan.ts';

/** Where browsers put SwiftShader, a Vulkan driver that computes on the CPU. */
const SWIFTSHADER = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
].map((folder) => `${folder}/vk_swiftshader_icd.json`);

/**
 * Sees to it that this process has a device for WebGPU: the machine's own, or SwiftShader. Returns why there is none, or
 * null. Vulkan reads the environment when the first session is made, so this has to be called before.
 */
export function provideWebGpu(): string | null {
  if (process.platform !== 'linux') return null;
  const missing = missingForVulkan();
  if (missing === null) return null;
  const manifest = process.env.VK_ICD_FILENAMES ?? SWIFTSHADER.find((file) => existsSync(file));
  if (!manifest) return `${missing}, and no SwiftShader (package chromium) to stand in`;
  process.env.VK_ICD_FILENAMES = manifest;
  const still = missingForVulkan();
  return still?.startsWith('the only Vulkan driver computes on the CPU') ? null : still;
}
