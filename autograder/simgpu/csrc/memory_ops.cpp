// Kernels that make, resize, view and copy memory of the device: the few that a CPU kernel cannot stand in for.
#include "alias.h"
#include "device.h"
#include "kernels.h"
#include "memory.h"

#include <ATen/EmptyTensor.h>
#include <ATen/native/Resize.h>
#include <ATen/native/TensorFactories.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/is_set_to_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_as_complex_native.h>
#include <ATen/ops/view_as_real_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <cstring>
#include <vector>

namespace simgpu {
namespace {

using at::IntArrayRef;
using at::Tensor;
using c10::Device;
using c10::Layout;
using c10::MemoryFormat;
using c10::ScalarType;
using c10::Storage;

// ATen/cuda/EmptyTensor.cpp: empty_cuda.
Tensor empty(IntArrayRef size, std::optional<ScalarType> dtype, std::optional<Layout>, std::optional<Device> device,
             std::optional<bool> pin_memory, std::optional<MemoryFormat> format) {
  TORCH_CHECK(!pin_memory.value_or(false), "Only dense CPU tensors can be pinned");
  const c10::OptionalDeviceGuard guard(device);
  return at::detail::empty_generic(size, device_allocator(), c10::DispatchKeySet(kKey), c10::dtype_or_default(dtype), format);
}

Tensor empty_strided(IntArrayRef size, IntArrayRef stride, std::optional<ScalarType> dtype, std::optional<Layout>,
                     std::optional<Device> device, std::optional<bool> pin_memory) {
  TORCH_CHECK(!pin_memory.value_or(false), "Only dense CPU tensors can be pinned");
  const c10::OptionalDeviceGuard guard(device);
  return at::detail::empty_strided_generic(size, stride, device_allocator(), c10::DispatchKeySet(kKey),
                                           c10::dtype_or_default(dtype));
}

c10::Allocator* zero_tensor_allocator(c10::DeviceIndex index) {
  static auto* allocators = [] {
    auto* made = new std::vector<at::native::ZeroTensorAllocator>;
    for (c10::DeviceIndex i = 0; i < kMaxDevices; ++i) made->emplace_back(Device(kDevice, i));
    return made;
  }();
  return &allocators->at(index);
}

// ATen/native/cuda/TensorFactories.cu: zeros without memory, which autograd makes for gradients that vanish.
Tensor efficient_zero_tensor(IntArrayRef size, std::optional<ScalarType> dtype, std::optional<Layout>,
                             std::optional<Device> device, std::optional<bool>) {
  const auto index = or_current(device ? device->index() : -1);
  const auto keys = c10::DispatchKeySet(kKey) | c10::DispatchKeySet(c10::DispatchKey::ZeroTensor);
  return at::detail::empty_generic(size, zero_tensor_allocator(index), keys, c10::dtype_or_default(dtype), std::nullopt);
}

Tensor cpu_view(const Tensor& tensor) { return is_simulated(tensor) ? cpu_alias(tensor) : tensor; }

// ATen/native/cuda/Copy.cu: between any two devices; here one memory to another.
Tensor& copy_(Tensor& self, const Tensor& source, bool /*non_blocking*/) {
  check_context_alive();
  cpu_view(self).copy_(cpu_view(source));
  return self;
}

// ATen/native/cuda/Resize.cpp: resize_bytes_cuda keeps what fits.
void grow(const Storage& storage, size_t bytes, Device device) {
  const c10::OptionalDeviceGuard guard(device);
  c10::DataPtr grown = device_allocator()->allocate(bytes);
  if (storage.nbytes() > 0) std::memcpy(grown.get(), storage.data(), storage.nbytes());
  storage.unsafeGetStorageImpl()->set_data_ptr_noswap(std::move(grown));
  storage.unsafeGetStorageImpl()->set_nbytes(bytes);
}

const Tensor& resize_(const Tensor& self, IntArrayRef size, std::optional<MemoryFormat> format) {
  auto* impl = self.unsafeGetTensorImpl();
  const size_t bytes =
      at::detail::computeStorageNbytesContiguous(size, self.dtype().itemsize(), self.storage_offset());
  if (bytes > self.storage().nbytes()) grow(self.storage(), bytes, self.device());
  impl->set_sizes_contiguous(size);
  if (format && *format != MemoryFormat::Contiguous) impl->empty_tensor_restride(*format);
  return self;
}

// ATen/native/cuda/TensorFactories.cu and TensorShapeCUDA.cpp: set_storage_cuda_ and the three that lead to it.
Tensor& set_storage_(Tensor& self, Storage storage, int64_t offset, IntArrayRef size, IntArrayRef stride) {
  at::native::checkSetStorage(self, std::move(storage), offset, size, stride);
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_storage_offset(offset);
  if (stride.data()) {
    impl->set_sizes_and_strides(size, stride);
  } else {
    impl->set_sizes_contiguous(size);
  }
  return self;
}

Tensor& set_whole_storage_(Tensor& self, Storage storage) {
  const int64_t length = static_cast<int64_t>(storage.nbytes() / self.dtype().itemsize());
  return set_storage_(self, std::move(storage), 0, {length}, {});
}

Tensor& set_tensor_(Tensor& self, const Tensor& source) {
  return set_storage_(self, source.storage(), source.storage_offset(), source.sizes(), source.strides());
}

Tensor& set_nothing_(Tensor& self) {
  const c10::OptionalDeviceGuard guard(self.device());
  Storage nothing(Storage::use_byte_size_t(), 0, device_allocator()->allocate(0), device_allocator(), /*resizable=*/true);
  return set_storage_(self, std::move(nothing), 0, {0}, {});
}

void record_stream(Tensor&, c10::Stream) {}  // nothing is reused before its work is done

}  // namespace

void register_memory_kernels(torch::Library& m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("_efficientzerotensor", efficient_zero_tensor);
  m.impl("copy_", copy_);
  m.impl("resize_", resize_);
  m.impl("set_.source_Storage_storage_offset", set_storage_);
  m.impl("set_.source_Storage", set_whole_storage_);
  m.impl("set_.source_Tensor", set_tensor_);
  m.impl("set_", set_nothing_);
  m.impl("record_stream", record_stream);
  // Views look at sizes and strides only: PyTorch's own kernels serve every device.
  m.impl("as_strided", at::native::as_strided_tensorimpl);
  m.impl("view", at::native::view);
  m.impl("_reshape_alias", at::native::_reshape_alias);
  m.impl("unfold", at::native::unfold);
  m.impl("view_as_real", at::native::view_as_real);
  m.impl("view_as_complex", at::native::view_as_complex);
  m.impl("is_set_to", at::native::is_set_to);
}

}  // namespace simgpu
