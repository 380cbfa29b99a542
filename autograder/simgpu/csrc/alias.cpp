#include "alias.h"

#include "device.h"

namespace simgpu {
namespace {

void take_geometry(c10::TensorImpl* impl, const at::Tensor& like) {
  impl->set_storage_offset(like.storage_offset());
  impl->set_sizes_and_strides(like.sizes(), like.strides());
  impl->_set_conj(like.is_conj());
  impl->_set_neg(like.is_neg());
}

void drop_storage(void* storage) { delete static_cast<c10::Storage*>(storage); }

}  // namespace

bool is_simulated(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == kDevice; }

at::Tensor cpu_alias(const at::Tensor& tensor) {
  TORCH_CHECK_NOT_IMPLEMENTED(tensor.layout() == c10::kStrided, "simulated GPU: ", tensor.layout(),
                              " tensors on the GPU need a real GPU and are not simulated");
  const c10::Storage& storage = tensor.storage();
  void* bytes = storage.unsafeGetStorageImpl()->_mutable_data_ptr_no_checks().get();
  c10::DataPtr data(bytes, new c10::Storage(storage), &drop_storage, c10::Device(c10::kCPU));
  c10::Storage shared(c10::Storage::use_byte_size_t(), storage.nbytes(), std::move(data), c10::GetAllocator(c10::kCPU),
                      /*resizable=*/true);
  auto alias = at::detail::make_tensor<c10::TensorImpl>(std::move(shared), c10::DispatchKeySet(c10::DispatchKey::CPU),
                                                        tensor.dtype());
  take_geometry(alias.unsafeGetTensorImpl(), tensor);
  return alias;
}

at::Tensor device_tensor(c10::Storage storage, const at::Tensor& like) {
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(kKey), like.dtype());
  take_geometry(tensor.unsafeGetTensorImpl(), like);
  return tensor;
}

}  // namespace simgpu
