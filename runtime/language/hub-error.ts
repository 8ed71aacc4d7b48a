import { HubApiError } from '@huggingface/hub';
import { ModelError } from '../onnx/error.ts';

/** Which model was asked for, where. */
export interface HubRequest {
  readonly id: string;
  readonly revision: string;
  readonly hubUrl: string;
}

const SAY_OFFLINE = 'fetch it once with a network (HF_ENDPOINT names another hub), or give a folder that has the files';

/** Whether the hub refused, and was not merely out of reach or out of order: then the cache does not help. */
export function isRefusal(error: unknown): boolean {
  const status = error instanceof HubApiError ? error.statusCode : 0;
  return error instanceof ModelError || [401, 403, 404].includes(status);
}

/** The error for a model that could not be fetched and is not in the cache folder `cache`. */
export function hubError(request: HubRequest, error: unknown, cache: string): ModelError {
  if (error instanceof ModelError) return error;
  const { id, revision, hubUrl } = request;
  const options = { cause: error };
  const status = error instanceof HubApiError ? error.statusCode : 0;
  if (status === 404) {
    const wanted = revision === 'main' ? '' : ` with the revision ${revision}`;
    return new ModelError(`there is no folder ${id} here, and no model ${id}${wanted} on ${hubUrl} (404)`, options);
  }
  if (status === 401) {
    return new ModelError(
      `${hubUrl} does not provide ${id} (401): it does not exist, or it is private or gated and needs an access token; give one as the option token or in HF_TOKEN`,
      options,
    );
  }
  if (status === 403) {
    return new ModelError(
      `access to ${id} is restricted (403): ask for it on ${hubUrl}/${id}, and give your access token as the option token or in HF_TOKEN`,
      options,
    );
  }
  return new ModelError(
    `${id} could not be fetched from ${hubUrl} (${reason(error)}) and is not in the cache ${cache}: ${SAY_OFFLINE}`,
    options,
  );
}

/** The error for a model that is not in the cache folder `cache` while the network may not be used. */
export function offlineError({ id, revision }: HubRequest, cache: string): ModelError {
  return new ModelError(
    `${id} (revision ${revision}) is not in the cache ${cache}, and the network may not be used (HF_HUB_OFFLINE or the option localFilesOnly): ${SAY_OFFLINE}`,
  );
}

/** fetch says "fetch failed" and hides why in causes. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return `${error.message}: ${(cause as NodeJS.ErrnoException).code ?? cause.message}`;
  return error.message;
}
