// Tensors that show the same bytes as another tensor under another device.
#pragma once

#include <ATen/core/Tensor.h>

namespace simgpu {

bool is_simulated(const at::Tensor& tensor);

// A CPU tensor over the memory of a simulated one, of the same shape and strides. It keeps that memory alive.
at::Tensor cpu_alias(const at::Tensor& tensor);

// A tensor of the simulated device over `storage`, of the dtype, shape and strides of `like`.
at::Tensor device_tensor(c10::Storage storage, const at::Tensor& like);

}  // namespace simgpu
