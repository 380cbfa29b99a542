#pragma once

#include <torch/library.h>

namespace simgpu {

// The kernels of our own, beside the fallback. Later ones replace earlier ones of the same operation.
void take_over_kernels(torch::Library& aten);
void register_memory_kernels(torch::Library& aten);
void register_cuda_kernels(torch::Library& aten);

}  // namespace simgpu
