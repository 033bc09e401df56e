"""GPUs: their memory, and whether there is one that works (CUDA, ROCm, PyTorch, TensorFlow, JAX, CuPy)."""

from launchyard.policy.symptom import row

_NEAR = 300
_MORE = "{more_gpus}"

GPU = (
    row(
        "gpu-memory",
        "out of memory. Tried to allocate",
        r"(?:CUDA|HIP|XPU|MPS) (?:backend )?out of memory\. Tried to allocate (?P<wanted>[\d.]+ [KMGT]iB)"
        r".{0,40}?(?:total capac\w+ of |; )(?P<total>[\d.]+ [KMGT]iB)",
        "GPU out of memory: {wanted} more were wanted of {total}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "gpu-memory",
        ("out of memory", "OutOfMemoryError"),
        r"(?:CUDA|HIP|XPU|MPS|cuDNN|GPU)\b.{0,60}\bout of memory|torch(?:\.cuda)?\.OutOfMemoryError"
        r"|(?:CUDA|hip)_?(?:_ERROR_OUT_OF_MEMORY|ErrorOutOfMemory)|^GPUassert: out of memory"
        r"|OutOfMemoryError: Out of memory allocating [\d,]+ bytes",
        "the GPU is out of memory",
        _MORE,
        near=_NEAR,
    ),
    row(
        "gpu-memory",
        ("RESOURCE_EXHAUSTED", "esource exhausted", "ResourceExhaustedError", "OOM when allocating tensor"),
        r"(?:RESOURCE_EXHAUSTED|Resource exhausted): (?:Out of memory|OOM|Failed to allocate)"
        r"|OOM when allocating tensor"
        r"|ResourceExhaustedError",
        "the GPU is out of memory",
        _MORE,
        near=_NEAR,
    ),
    row(
        "gpu-memory",
        ("cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"),
        r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED",
        "the GPU is out of memory",
        _MORE,
        near=_NEAR,
    ),
    row(
        "gpu",
        ("no CUDA-capable device", "No CUDA GPUs are available", "Found no NVIDIA driver", "No HIP GPUs"),
        r"no CUDA-capable device is detected|No (?:CUDA|HIP) GPUs are available|Found no NVIDIA driver",
        "the program sees no GPU; the job asked for {gpus}",
        "{some_gpu}",
        near=_NEAR,
    ),
    row(
        "gpu",
        ("torch.cuda.is_available() is False", "Torch not compiled with CUDA", "No visible GPU devices"),
        r"torch\.cuda\.is_available\(\) is False|Torch not compiled with CUDA enabled|No visible GPU devices",
        "the program sees no GPU; the job asked for {gpus}",
        "{some_gpu}",
        near=_NEAR,
    ),
    row(
        "gpu",
        ("invalid device ordinal", "cudaErrorInvalidDevice"),
        r"invalid device ordinal|cudaErrorInvalidDevice\b",
        "the program wants a GPU that the job was not given; the job asked for {gpus}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "gpu",
        (
            "driver version is insufficient",
            "driver on your system is too old",
            "no kernel image is available",
        ),
        r"(?P<text>CUDA driver version is insufficient for CUDA runtime version"
        r"|driver on your system is too old"
        r"|no kernel image is available for execution on the device)",
        "program and GPU driver do not fit: {text}",
        "ly run --gpus 1 -- nvidia-smi",
        near=_NEAR,
    ),
    row(
        "gpu",
        ("device-side assert", "illegal memory access", "unspecified launch failure", "misaligned address"),
        r"(?:CUDA|HIP|cuda\w*|CUDA_\w*)\b.{0,40}?(?P<text>device-side assert|an illegal memory access"
        r"|unspecified launch failure|misaligned address)",
        "a GPU kernel failed: {text}",
        "CUDA_LAUNCH_BLOCKING=1 {rerun}",
        near=_NEAR,
    ),
    row(
        "gpu",
        ("CUDA error:", "CUBLAS_STATUS_", "CUDNN_STATUS_", "cudaError"),
        r"CUDA error: (?P<text>[^(]{1,120})|(?P<status>(?:CUBLAS|CUDNN)_STATUS_(?!SUCCESS)[A-Z_]+"
        r"|cudaError[A-Z]\w+)",
        "a GPU call failed: {text}{status}",
        "CUDA_LAUNCH_BLOCKING=1 {rerun}",
        near=_NEAR,
    ),
)
