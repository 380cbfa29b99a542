"""What students write in `training_on_device`: wrong solutions, each with its hint, and other right styles."""

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import also_right, mistake

# --- pick_device ------------------------------------------------------------------------------------------------------


@mistake("pick_device", hint='A string such as "cuda:0" only names a device. Return `torch.device(...)`.')
def returns_a_string(index=0):
    return f"cuda:{index}" if index < torch.cuda.device_count() else "cpu"


@mistake("pick_device", hint="You return the GPU even where there is none. A device that is not there is only a name.")
def always_the_gpu(index=0):
    return torch.device("cuda", index)


@mistake("pick_device", hint="You never ask for a GPU, so the program runs on the CPU everywhere.")
def always_the_cpu(index=0):
    return torch.device("cpu")


@mistake(
    "pick_device",
    hint='`torch.device("cuda")` has no index: it stands for whichever GPU is current, and does not equal '
    '`torch.device("cuda:0")`. Say which one.',
)
def forgets_the_index(index=0):
    return torch.device("cuda" if index < torch.cuda.device_count() else "cpu")


@mistake(
    "pick_device",
    hint="Where there is a GPU you give the first one, whatever the index. Beyond the last GPU the answer is the CPU.",
)
def always_the_first_gpu(index=0):
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


@mistake(
    "pick_device",
    hint="You ask whether there is any GPU, but not whether there is one with this index. How many are there?",
)
def asks_for_any_gpu(index=0):
    return torch.device("cuda", index) if torch.cuda.is_available() else torch.device("cpu")


@mistake("pick_device", hint="GPUs are counted from 0: the last of n has the index n - 1, so it takes `<`, not `<=`.")
def counts_one_too_many(index=0):
    if torch.cuda.is_available() and index <= torch.cuda.device_count():
        return torch.device("cuda", index)
    return torch.device("cpu")


@mistake("pick_device", hint="GPUs are counted from 0, and you count them from 1.")
def counts_from_one(index=1):
    return torch.device("cuda", index - 1) if 1 <= index <= torch.cuda.device_count() else torch.device("cpu")


@mistake("pick_device", hint="The comparison is the wrong way round: the GPUs are those with an index below the count.")
def compares_the_wrong_way(index=0):
    return torch.device("cuda", index) if index > torch.cuda.device_count() else torch.device("cpu")


@mistake("pick_device", hint="Where there is no such GPU, the CPU is the answer. Your function raises an exception.")
def raises_without_a_gpu(index=0):
    if index >= torch.cuda.device_count():
        raise RuntimeError("there is no such GPU")
    return torch.device("cuda", index)


@mistake("pick_device", hint="One branch has no `return`: where there is no GPU, your function returns None.")
def returns_none_without_a_gpu(index=0):
    if index < torch.cuda.device_count():
        return torch.device("cuda", index)
    return None


@mistake("pick_device", hint="You say whether there is such a GPU. Return the device itself.")
def returns_whether_there_is_one(index=0):
    return index < torch.cuda.device_count()


@mistake("pick_device", hint="You return the number of the GPU. Return a `torch.device`.")
def returns_the_index(index=0):
    return index if index < torch.cuda.device_count() else -1


@mistake(
    "pick_device", hint="`torch.cuda.device` is a context manager that makes a GPU current; you want `torch.device`."
)
def returns_a_context_manager(index=0):
    return torch.cuda.device(index) if index < torch.cuda.device_count() else torch.device("cpu")


@mistake("pick_device", hint="`index` must have a default: `pick_device()` asks for GPU 0.")
def needs_an_index(index):
    return torch.device("cuda", index) if index < torch.cuda.device_count() else torch.device("cpu")


@mistake(
    "pick_device",
    hint="You also make the device the default for all new tensors of the program. Only the answer was asked for.",
)
def sets_the_default_device(index=0):
    device = torch.device("cuda", index) if index < torch.cuda.device_count() else torch.device("cpu")
    torch.set_default_device(device)
    return device


_picked = []


@mistake("pick_device", hint="You remember the first answer and give it for every index.")
def remembers_the_first_answer(index=0):
    if not _picked:
        _picked.append(torch.device("cuda", index) if index < torch.cuda.device_count() else torch.device("cpu"))
    return _picked[0]


@also_right("pick_device")
def in_one_line(index=0):
    return torch.device(f"cuda:{index}" if torch.cuda.is_available() and index < torch.cuda.device_count() else "cpu")


@also_right("pick_device")
def from_a_list_of_all(index=0):
    gpus = [torch.device("cuda", at) for at in range(torch.cuda.device_count())]
    return gpus[index] if index < len(gpus) else torch.device("cpu")


@also_right("pick_device")
def with_early_returns(index=0):
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if index not in range(torch.cuda.device_count()):
        return torch.device("cpu")
    return torch.device(type="cuda", index=index)


# --- to_device --------------------------------------------------------------------------------------------------------


@mistake("to_device", hint="`x.to(device)` does not change x: it gives another tensor. You throw it away.")
def forgets_the_result(batch, device):
    if isinstance(batch, Tensor):
        batch.to(device)
    elif isinstance(batch, list | tuple):
        for item in batch:
            forgets_the_result(item, device)
    elif isinstance(batch, dict):
        for item in batch.values():
            forgets_the_result(item, device)
    return batch


@mistake(
    "to_device", hint="You move a tensor that comes alone, but those in lists, tuples and dicts stay where they are."
)
def moves_lone_tensors_only(batch, device):
    return batch.to(device) if isinstance(batch, Tensor) else batch


@mistake("to_device", hint="A batch need not be a pair: it may be a tensor, a list, a dict, or a number.")
def expects_a_pair(batch, device):
    X, y = batch
    return X.to(device), y.to(device)


@mistake(
    "to_device",
    hint="You look one level deep. A container in a container is a batch as well: let the function call itself.",
)
def looks_one_level_deep(batch, device):
    def moved(item):
        return item.to(device) if isinstance(item, Tensor) else item

    if isinstance(batch, dict):
        return {key: moved(item) for key, item in batch.items()}
    if hasattr(batch, "_fields"):
        return type(batch)(*map(moved, batch))
    return type(batch)(map(moved, batch)) if isinstance(batch, list | tuple) else moved(batch)


@mistake("to_device", hint="Tensors in a dict stay where they are.")
def forgets_dicts(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if hasattr(batch, "_fields"):
        return type(batch)(*(forgets_dicts(item, device) for item in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(forgets_dicts(item, device) for item in batch)
    return batch


@mistake("to_device", hint="Tensors in a tuple stay where they are.")
def forgets_tuples(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: forgets_tuples(item, device) for key, item in batch.items()}
    return [forgets_tuples(item, device) for item in batch] if isinstance(batch, list) else batch


@mistake("to_device", hint="Tensors in a list stay where they are.")
def forgets_lists(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: forgets_lists(item, device) for key, item in batch.items()}
    if hasattr(batch, "_fields"):
        return type(batch)(*(forgets_lists(item, device) for item in batch))
    return tuple(forgets_lists(item, device) for item in batch) if isinstance(batch, tuple) else batch


@mistake(
    "to_device",
    hint="`type(pair) is tuple` is not so for a named tuple, and `isinstance(pair, tuple)` is. Its tensors stay "
    "behind.",
)
def forgets_named_tuples(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: forgets_named_tuples(item, device) for key, item in batch.items()}
    if type(batch) in (list, tuple):
        return type(batch)(forgets_named_tuples(item, device) for item in batch)
    return batch


@mistake("to_device", hint="A tuple comes back as a list. Make a container of the type that came in.")
def makes_lists_of_tuples(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: makes_lists_of_tuples(item, device) for key, item in batch.items()}
    return [makes_lists_of_tuples(item, device) for item in batch] if isinstance(batch, list | tuple) else batch


@mistake("to_device", hint="A list comes back as a tuple. Make a container of the type that came in.")
def makes_tuples_of_lists(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: makes_tuples_of_lists(item, device) for key, item in batch.items()}
    if hasattr(batch, "_fields"):
        return type(batch)(*(makes_tuples_of_lists(item, device) for item in batch))
    return tuple(makes_tuples_of_lists(item, device) for item in batch) if isinstance(batch, list | tuple) else batch


@mistake(
    "to_device", hint="A named tuple comes back as a plain tuple: whoever asks for `batch.x` afterwards gets an error."
)
def makes_tuples_of_named_tuples(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: makes_tuples_of_named_tuples(item, device) for key, item in batch.items()}
    if isinstance(batch, list):
        return [makes_tuples_of_named_tuples(item, device) for item in batch]
    return tuple(makes_tuples_of_named_tuples(item, device) for item in batch) if isinstance(batch, tuple) else batch


@mistake(
    "to_device",
    hint="A tuple is made from one iterable, a named tuple from its fields one by one: `type(batch)(*items)`, or "
    "`batch._make(items)`.",
)
def makes_named_tuples_like_tuples(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: makes_named_tuples_like_tuples(item, device) for key, item in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(makes_named_tuples_like_tuples(item, device) for item in batch)
    return batch


@mistake(
    "to_device",
    hint="A tuple is made from one iterable: `type(batch)(*items)` fits named tuples only.",
)
def makes_tuples_like_named_tuples(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: makes_tuples_like_named_tuples(item, device) for key, item in batch.items()}
    if isinstance(batch, list):
        return [makes_tuples_like_named_tuples(item, device) for item in batch]
    if isinstance(batch, tuple):
        return type(batch)(*(makes_tuples_like_named_tuples(item, device) for item in batch))
    return batch


@mistake("to_device", hint="A dict comes back as a list of its values: the names are lost.")
def makes_lists_of_dicts(batch, device):
    if isinstance(batch, dict):
        return [makes_lists_of_dicts(item, device) for item in batch.values()]
    if hasattr(batch, "_make"):
        return batch._make(makes_lists_of_dicts(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(makes_lists_of_dicts(item, device) for item in batch)
    return batch.to(device) if isinstance(batch, Tensor) else batch


@mistake("to_device", hint="You return a generator. Nothing has been moved yet, and it can be read only once.")
def returns_a_generator(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: returns_a_generator(item, device) for key, item in batch.items()}
    return (returns_a_generator(item, device) for item in batch) if isinstance(batch, list | tuple) else batch


@mistake(
    "to_device",
    hint="You walk through everything that can be iterated, and a string is made of strings without end.",
)
def walks_through_strings(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: walks_through_strings(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(walks_through_strings(item, device) for item in batch)
    if isinstance(batch, str):
        return "".join(walks_through_strings(letter, device) for letter in batch)
    return type(batch)(walks_through_strings(item, device) for item in batch) if hasattr(batch, "__iter__") else batch


@mistake("to_device", hint="Numbers should stay numbers. You make tensors of them.")
def makes_tensors_of_numbers(batch, device):
    if isinstance(batch, dict):
        return {key: makes_tensors_of_numbers(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(makes_tensors_of_numbers(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(makes_tensors_of_numbers(item, device) for item in batch)
    return torch.as_tensor(batch, device=device) if isinstance(batch, Tensor | int | float) else batch


@mistake("to_device", hint="NumPy arrays should stay arrays: only tensors are moved.")
def makes_tensors_of_arrays(batch, device):
    if isinstance(batch, dict):
        return {key: makes_tensors_of_arrays(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(makes_tensors_of_arrays(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(makes_tensors_of_arrays(item, device) for item in batch)
    return torch.as_tensor(batch, device=device) if isinstance(batch, Tensor | np.ndarray) else batch


@mistake("to_device", hint="What is neither a tensor nor a container should be kept. Your function gives None for it.")
def drops_other_leaves(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: drops_other_leaves(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(drops_other_leaves(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(drops_other_leaves(item, device) for item in batch)
    return None


@mistake("to_device", hint="What is neither a tensor nor a container should be kept. Your function refuses it.")
def refuses_other_leaves(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: refuses_other_leaves(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(refuses_other_leaves(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(refuses_other_leaves(item, device) for item in batch)
    raise TypeError(f"cannot move {type(batch).__name__}")


@mistake("to_device", hint="You treat everything that is no container as a tensor. A number has no `.to`.")
def takes_every_leaf_for_a_tensor(batch, device):
    if isinstance(batch, dict):
        return {key: takes_every_leaf_for_a_tensor(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(takes_every_leaf_for_a_tensor(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(takes_every_leaf_for_a_tensor(item, device) for item in batch)
    return batch.to(device)


@mistake("to_device", hint="You copy what is no tensor. An object may be large, or one of a kind: hand back itself.")
def copies_other_leaves(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: copies_other_leaves(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(copies_other_leaves(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(copies_other_leaves(item, device) for item in batch)
    return copy.deepcopy(batch)


@mistake("to_device", hint="You write the moved tensors into the lists and dicts of the caller. Make new ones.")
def writes_into_the_batch(batch, device):
    if isinstance(batch, list):
        for at, item in enumerate(batch):
            batch[at] = writes_into_the_batch(item, device)
        batch.append(batch.pop())
    if isinstance(batch, dict):
        for key, item in batch.items():
            batch[key] = writes_into_the_batch(item, device)
        batch["device"] = str(device)
    if hasattr(batch, "_make"):
        return batch._make(writes_into_the_batch(item, device) for item in batch)
    if isinstance(batch, tuple):
        return tuple(writes_into_the_batch(item, device) for item in batch)
    return batch.to(device) if isinstance(batch, Tensor) else batch


@mistake("to_device", hint="The keys of a dict come back in another order. Leave them as they are.")
def sorts_the_keys(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: sorts_the_keys(batch[key], device) for key in sorted(batch, key=str)}
    if hasattr(batch, "_make"):
        return batch._make(sorts_the_keys(item, device) for item in batch)
    return type(batch)(sorts_the_keys(item, device) for item in batch) if isinstance(batch, list | tuple) else batch


@mistake("to_device", hint="You ignore `device` and look for a GPU yourself: the way back to the CPU does not work.")
def chooses_the_device_itself(batch, device):
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: chooses_the_device_itself(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(chooses_the_device_itself(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(chooses_the_device_itself(item, device) for item in batch)
    return batch


@mistake("to_device", hint="`device` may also be a str, and a str has no `.type`. `.to(device)` takes both.")
def expects_a_torch_device(batch, device):
    if isinstance(batch, Tensor):
        return batch.cuda(device) if device.type == "cuda" else batch.cpu()
    if isinstance(batch, dict):
        return {key: expects_a_torch_device(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(expects_a_torch_device(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(expects_a_torch_device(item, device) for item in batch)
    return batch


@mistake("to_device", hint="`device` may also be a torch.device, which is no str. `.to(device)` takes both.")
def expects_a_string(batch, device):
    if isinstance(batch, Tensor):
        return batch.cuda(device) if device.startswith("cuda") else batch.cpu()
    if isinstance(batch, dict):
        return {key: expects_a_string(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(expects_a_string(item, device) for item in batch)
    return type(batch)(expects_a_string(item, device) for item in batch) if isinstance(batch, list | tuple) else batch


@mistake(
    "to_device", hint="Labels, masks and float64 come back as float32. A move changes the device and nothing else."
)
def makes_everything_float32(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device, torch.float32)
    if isinstance(batch, dict):
        return {key: makes_everything_float32(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(makes_everything_float32(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(makes_everything_float32(item, device) for item in batch)
    return batch


@mistake("to_device", hint="You move inputs, but whole numbers stay on the CPU: the loss will not find its labels.")
def leaves_labels_behind(batch, device):
    if isinstance(batch, Tensor):
        return batch.to(device) if batch.is_floating_point() else batch
    if isinstance(batch, dict):
        return {key: leaves_labels_behind(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(leaves_labels_behind(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(leaves_labels_behind(item, device) for item in batch)
    return batch


@mistake("to_device", hint="The moved tensors are cut off from the graph. `.to(device)` lets gradients flow back.")
def cuts_the_graph(batch, device):
    if isinstance(batch, Tensor):
        return batch.detach().to(device)
    if isinstance(batch, dict):
        return {key: cuts_the_graph(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(cuts_the_graph(item, device) for item in batch)
    return type(batch)(cuts_the_graph(item, device) for item in batch) if isinstance(batch, list | tuple) else batch


@mistake("to_device", hint="Every tensor goes through the CPU, also one that is on the device already.")
def goes_through_the_cpu(batch, device):
    if isinstance(batch, Tensor):
        return batch.cpu().to(device)
    if isinstance(batch, dict):
        return {key: goes_through_the_cpu(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(goes_through_the_cpu(item, device) for item in batch)
    if isinstance(batch, list | tuple):
        return type(batch)(goes_through_the_cpu(item, device) for item in batch)
    return batch


@mistake(
    "to_device",
    hint="Every tensor goes through NumPy: it leaves the graph, and the GPU. `.to(device)` is all it takes.",
)
def goes_through_numpy(batch, device):
    if isinstance(batch, Tensor):
        return torch.from_numpy(batch.detach().cpu().numpy()).to(device)
    if isinstance(batch, dict):
        return {key: goes_through_numpy(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):
        return batch._make(goes_through_numpy(item, device) for item in batch)
    return type(batch)(goes_through_numpy(item, device) for item in batch) if isinstance(batch, list | tuple) else batch


@also_right("to_device")
def with_match(batch, device):
    match batch:
        case Tensor():
            return batch.to(device, non_blocking=True)
        case list():
            return [with_match(item, device) for item in batch]
        case dict():
            return {key: with_match(item, device) for key, item in batch.items()}
        case tuple() if hasattr(batch, "_fields"):
            return batch._replace(**{name: with_match(getattr(batch, name), device) for name in batch._fields})
        case tuple():
            return tuple([with_match(item, device) for item in batch])
        case _:
            return batch


@also_right("to_device")
def by_type(batch, device):
    def again(item):
        return by_type(item, device)

    kind = type(batch)
    if issubclass(kind, Tensor):
        return batch.to(device=device)
    if kind is dict:
        return dict(zip(batch, map(again, batch.values()), strict=True))
    if kind in (list, tuple):
        return kind(map(again, batch))
    return kind(*map(again, batch)) if issubclass(kind, tuple) else batch


@also_right("to_device")
def with_a_loop(batch, device):
    target = torch.device(device)
    if torch.is_tensor(batch):
        return batch if batch.device == target else batch.to(target)
    if isinstance(batch, dict):
        moved = {}
        for key in batch:
            moved[key] = with_a_loop(batch[key], target)
        return moved
    if not isinstance(batch, list | tuple):
        return batch
    items = [None] * len(batch)
    for at, item in enumerate(batch):
        items[at] = with_a_loop(item, target)
    if isinstance(batch, list):
        return items
    return tuple(items) if type(batch) is tuple else type(batch)(*items)


@also_right("to_device")
def whatever_can_be_moved(batch, device):
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, dict):
        return type(batch)((key, whatever_can_be_moved(item, device)) for key, item in batch.items())
    if isinstance(batch, tuple | list):
        items = (whatever_can_be_moved(item, device) for item in batch)
        return type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)
    return batch


# --- train_epoch ------------------------------------------------------------------------------------------------------


def step(net, lr):
    """One step of SGD with the gradients that are there."""
    with torch.no_grad():
        for p in net.parameters():
            p -= lr * p.grad


@mistake("train_epoch", hint="The labels stay on the CPU, and the loss needs them where the logits are.")
def leaves_y_on_the_cpu(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        loss = F.cross_entropy(net(X.to(device)), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="The inputs stay on the CPU: `X.to(device)` gives a new tensor and leaves X as it is.")
def leaves_x_on_the_cpu(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X.to(device)
        y = y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="The network stays on the CPU: `net.to(device)` is missing.")
def leaves_the_net_on_the_cpu(net, batches, lr, device):
    net.train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You clip the gradients. Plain SGD takes them as they are, however large.")
def clips_the_gradients(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="You divide the gradients by the size of the batch. The loss is a mean: its gradients are means already.",
)
def divides_the_step_by_the_batch(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr / len(y))
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="Your step leaves the biases as they are. It belongs to every parameter of the network.")
def trains_the_weights_alone(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                if p.dim() > 1:
                    p -= lr * p.grad
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="Only the last layer learns. The step belongs to every parameter of the network.")
def trains_the_last_layer_alone(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in list(net.parameters())[-2:]:
                p -= lr * p.grad
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="Each step also pulls the parameters towards 0 (weight decay). Plain SGD was asked for.")
def decays_the_weights(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= lr * (p.grad + 0.01 * p)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="You smooth the labels. The loss is the plain cross-entropy: its whole weight is on the right class.",
)
def smooths_the_labels(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y, label_smoothing=0.1)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="You flatten X. Whether a network wants rows, images or sequences is its own affair: give it X as it is.",
)
def flattens_the_inputs(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X.flatten(1)), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You skip batches with one example. They count like all others.")
def skips_single_examples(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        if len(y) == 1:
            continue
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You never look at `device`: everything happens on the CPU.")
def ignores_the_device(net, batches, lr, device):
    net.train()
    total, count = 0.0, 0
    for X, y in batches:
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="You take the mean over the batches. A small batch counts as much as a large one then: weigh each loss with "
    "the size of its batch.",
)
def takes_the_mean_over_batches(net, batches, lr, device):
    net.to(device).train()
    losses = []
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        losses.append(loss.item())
    return sum(losses) / len(losses)


@mistake(
    "train_epoch", hint="You add up mean losses and divide by the number of examples: each batch is divided twice."
)
def divides_twice(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item()
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You return the sum over all examples. The average was asked for.")
def returns_the_sum(net, batches, lr, device):
    net.to(device).train()
    total = 0.0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
    return total


@mistake("train_epoch", hint="You return the loss of the last batch instead of the average over the epoch.")
def returns_the_last_loss(net, batches, lr, device):
    net.to(device).train()
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
    return loss.item()


@mistake(
    "train_epoch",
    hint="You return a tensor with its graph: as long as somebody keeps it, all intermediate results of the "
    "whole epoch are kept. `.item()` gives the number.",
)
def returns_a_tensor_with_its_graph(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You return a tensor. A Python float was asked for: `.item()` gives it.")
def returns_a_tensor(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.detach() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You measure the loss of a batch after the update that it caused. Measure it before.")
def measures_after_the_update(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        net.zero_grad()
        F.cross_entropy(net(X), y).backward()
        step(net, lr)
        with torch.no_grad():
            total += F.cross_entropy(net(X), y).item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch", hint="You never clear the gradients: each step also goes along the gradients of all batches before."
)
def never_clears_gradients(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You clear the gradients between `backward()` and the step: nothing is left to go along.")
def clears_before_the_step(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        net.zero_grad()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You update once, at the end of the epoch. Each batch takes a step of its own.")
def updates_once_at_the_end(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        total += loss.item() * len(y)
        count += len(y)
    step(net, lr)
    return total / count


@mistake("train_epoch", hint="`return` stands in the loop: the epoch ends after its first batch.")
def returns_within_the_loop(net, batches, lr, device):
    net.to(device).train()
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        return loss.item()
    return 0.0


@mistake("train_epoch", hint="You go uphill: the gradient is subtracted, not added.")
def goes_uphill(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, -lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="No parameter moves. Is there an update? `p = p - ...` makes a new tensor and forgets it: the parameter must "
    "be changed in place.",
)
def rebinds_the_parameters(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p = p - lr * p.grad
            p.requires_grad_()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="The update is recorded by autograd, which refuses it: put it under `torch.no_grad()`.")
def records_the_update(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p -= lr * p.grad
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="The forward pass stands under `no_grad`, so that there is nothing to walk back through.")
def trains_without_recording(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            step(net, lr)
            total += loss.item() * len(y)
            count += len(y)
    return total / count


@mistake(
    "train_epoch", hint="You go along the gradient of the sum. Of the mean it is smaller by the size of the batch."
)
def goes_along_the_sum(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y, reduction="sum")
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item()
        count += len(y)
    return total / count


@mistake("train_epoch", hint="`cross_entropy` wants logits and takes the softmax itself. You give it probabilities.")
def takes_softmax_twice(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X).softmax(dim=1), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="The network trains in whichever mode it arrives: `net.train()` is missing.")
def forgets_train_mode(net, batches, lr, device):
    net.to(device)
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch", hint="You train in eval mode: batch normalisation does not look at the batch, dropout does nothing."
)
def trains_in_eval_mode(net, batches, lr, device):
    net.to(device).eval()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You leave the network in eval mode. The text asks for train mode afterwards.")
def ends_in_eval_mode(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    net.eval()
    return total / count


@mistake(
    "train_epoch",
    hint="You put the network back into the mode it came in. Only `evaluate` does; training leaves train mode.",
)
def restores_the_mode(net, batches, lr, device):
    was_training = net.training
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    net.train(was_training)
    return total / count


@mistake("train_epoch", hint="You go through the batches twice. A generator is at its end after the first time.")
def reads_the_batches_twice(net, batches, lr, device):
    net.to(device).train()
    count = sum(len(y) for _, y in batches)
    total = 0.0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
    return total / count


@mistake("train_epoch", hint="A generator has no length: count while you go.")
def asks_for_the_number_of_batches(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for _, (X, y) in zip(range(len(batches)), batches, strict=True):
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch", hint="Your network sees each batch twice. In train mode that also moves the running averages twice."
)
def runs_forward_twice(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        with torch.no_grad():
            total += F.cross_entropy(net(X), y).item() * len(y)
        net.zero_grad()
        F.cross_entropy(net(X), y).backward()
        step(net, lr)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="Plain SGD was asked for, and you use momentum.")
def uses_momentum(net, batches, lr, device):
    net.to(device).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="Plain SGD was asked for, and you use Adam.")
def uses_adam(net, batches, lr, device):
    net.to(device).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, foreach=False)
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You train a copy: the network of the caller has learned nothing.")
def trains_a_copy(net, batches, lr, device):
    net = copy.deepcopy(net).to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch", hint="You take the network back to the CPU. It should stay on the device: the next epoch comes."
)
def brings_the_net_home(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    net.cpu()
    return total / count


@mistake("train_epoch", hint="The network goes to and fro with each batch. Move it once, before the loop.")
def carries_the_net_to_and_fro(net, batches, lr, device):
    net.train()
    total, count = 0.0, 0
    for X, y in batches:
        net.to(device)
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
        net.to("cpu")
    net.to(device)
    return total / count


@mistake(
    "train_epoch",
    hint="You compute the loss on the CPU: all logits come back from the GPU, and in the backward pass their gradients "
    "return there. The labels should go to the device instead.",
)
def computes_the_loss_on_the_cpu(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        loss = F.cross_entropy(net(X.to(device)).cpu(), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="`.cpu()` copies a tensor where one number is enough: `loss.item()` brings it without a tensor on the CPU.",
)
def copies_the_loss(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += float(loss.detach().cpu().numpy()) * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch",
    hint="You update the parameters on the CPU, through NumPy: all of them go back and forth with each batch.",
)
def updates_through_numpy(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p.data = torch.from_numpy(p.detach().cpu().numpy() - lr * p.grad.cpu().numpy()).to(device)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="You move every batch to the device twice. Keep the moved tensors under a name.")
def moves_the_batch_twice(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        loss = F.cross_entropy(net(X.to(device)), y.to(device))
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y.to(device))
        count += len(X.to(device))
    return total / count


@mistake(
    "train_epoch",
    hint="Each `.item()` makes the CPU wait for the GPU, and you call it twice per batch. Keep the number.",
)
def reads_the_loss_twice(net, batches, lr, device):
    net.to(device).train()
    total, count, best = 0.0, 0, math.inf
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        best = min(best, loss.item())
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="`device` may also be a str, and a str has no `.type`. `.to(device)` takes both.")
def asks_for_the_type_of_the_device(net, batches, lr, device):
    net.train()
    if device.type == "cuda":
        net.to(device)
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake(
    "train_epoch", hint="You turn the inputs into float32. The network may be float64: a move changes the device only."
)
def makes_the_inputs_float32(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.float().to(device), y.to(device)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@mistake("train_epoch", hint="Gradients stay switched off for the whole program after your function.")
def leaves_gradients_switched_off(net, batches, lr, device):
    net.to(device).train()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        torch.set_grad_enabled(True)
        loss = F.cross_entropy(net(X), y)
        net.zero_grad()
        loss.backward()
        torch.set_grad_enabled(False)
        step(net, lr)
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@also_right("train_epoch")
def with_torch_optim(net, batches, lr, device):
    net.to(device)
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    measure = nn.CrossEntropyLoss()
    total, count = 0.0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        optimizer.zero_grad()
        loss = measure(net(X), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * X.size(0)
        count += X.size(0)
    return total / count


@also_right("train_epoch")
def with_autograd_grad(net, batches, lr, device):
    net.train().to(device)
    parameters = list(net.parameters())
    losses, sizes = [], []
    for pair in batches:
        X, y = (tensor.to(device, non_blocking=True) for tensor in pair)
        log_probs = net(X).log_softmax(dim=1)
        loss = -log_probs.gather(1, y.unsqueeze(1)).mean()
        for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.data.sub_(lr * gradient)
        losses.append(float(loss))
        sizes.append(len(X))
    return float(np.average(losses, weights=sizes))


@also_right("train_epoch")
def with_sums_on_the_device(net, batches, lr, device):
    net.to(device).train()
    total = torch.tensor(0.0, device=device)
    count = 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        net.zero_grad(set_to_none=False)
        loss = F.cross_entropy(net(X), y, reduction="sum") / len(y)
        loss.backward()
        for p in net.parameters():
            p.data = p.data - lr * p.grad
        total = total.to(loss.dtype) + loss.detach() * len(y)
        count += len(y)
    return total.item() / count


@also_right("train_epoch")
def with_an_optimizer_made_first(net, batches, lr, device):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, foreach=True)
    for part in net.modules():
        part.training = True
    net.to(torch.device(device))
    seen = []
    for X, y in list(batches):
        loss = F.nll_loss(F.log_softmax(net(X.to(device)), dim=-1), y.to(device))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seen += [loss.item()] * len(y)
    return sum(seen) / len(seen)


# --- evaluate ---------------------------------------------------------------------------------------------------------


@mistake("evaluate", hint="The labels stay on the CPU, and the loss needs them where the logits are.")
def measures_with_y_on_the_cpu(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X = X.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="The inputs stay on the CPU: `X.to(device)` gives a new tensor and leaves X as it is.")
def measures_with_x_on_the_cpu(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X.to(device)
            y = y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="The network stays on the CPU: `net.to(device)` is missing.")
def measures_with_the_net_on_the_cpu(net, batches, device):
    was_training = net.training
    net.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You never look at `device`: everything happens on the CPU.")
def measures_on_the_cpu(net, batches, device):
    was_training = net.training
    net.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="The loss is averaged over the batches: a small batch counts as much as a large one. Weigh each with its "
    "size.",
)
def averages_losses_over_batches(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    losses, right, count = [], 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            losses.append(F.cross_entropy(logits, y).item())
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return sum(losses) / len(losses), right / count


@mistake(
    "evaluate",
    hint="The accuracy is averaged over the batches: a small batch counts as much as a large one. Count all that are "
    "right, and divide once.",
)
def averages_accuracies_over_batches(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, fractions, count = 0.0, [], 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            fractions.append((logits.argmax(dim=1) == y).float().mean().item())
            count += len(y)
    net.train(was_training)
    return total / count, sum(fractions) / len(fractions)


@mistake(
    "evaluate",
    hint="Both numbers are averaged over the batches: a small batch counts as much as a large one. Weigh each with its "
    "size.",
)
def averages_both_over_batches(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    losses, fractions = [], []
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            losses.append(F.cross_entropy(logits, y).item())
            fractions.append((logits.argmax(dim=1) == y).float().mean().item())
    net.train(was_training)
    return sum(losses) / len(losses), sum(fractions) / len(fractions)


@mistake("evaluate", hint="You add up mean losses and divide by the number of examples: each batch is divided twice.")
def divides_the_loss_twice(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item()
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You return sums over all examples. The averages were asked for.")
def forgets_to_divide(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total, float(right)


@mistake(
    "evaluate",
    hint="You flatten X. Whether a network wants rows, images or sequences is its own affair: give it X as it is.",
)
def flattens_before_measuring(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X.flatten(1))
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You round. Give both numbers back as they are; whoever prints them can round.")
def rounds_the_results(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return round(total / count, 2), round(right / count, 2)


@mistake("evaluate", hint="You limit the loss. However bad a network is: its loss is what it is.")
def limits_the_loss(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return min(total / count, 100.0), right / count


@mistake("evaluate", hint="The accuracy is a fraction between 0 and 1, and you return percent.")
def returns_percent(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, 100 * right / count


@mistake("evaluate", hint="`//` divides whole numbers and drops the rest: the accuracy is 0 unless all are right.")
def rounds_to_whole_numbers(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right // count


@mistake("evaluate", hint="The loss comes first, then the accuracy.")
def swaps_the_two(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return right / count, total / count


@mistake("evaluate", hint="Two numbers were asked for, `(loss, accuracy)`.")
def returns_the_loss_alone(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count


@mistake("evaluate", hint="You return tensors. Python floats were asked for: `.item()` gives them.")
def returns_tensors(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y) * len(y)
            right += (logits.argmax(dim=1) == y).sum()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="The accuracy is a tensor. Python floats were asked for: `.item()` gives one.")
def returns_the_accuracy_as_a_tensor(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="The accuracy is that of the last batch: add up the right ones of all batches.")
def looks_at_the_last_batch_only(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right = (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / len(y)


@mistake("evaluate", hint="`argmax(dim=0)` looks for the best example of each class. Along which axis are the classes?")
def looks_for_the_largest_in_each_column(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=0)[: len(y)].eq(y[: logits.shape[1]])).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="`cross_entropy` wants logits and takes the softmax itself. You give it probabilities.")
def takes_softmax_before_the_loss(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits.softmax(dim=1), y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You measure in the mode the network comes in: in train mode dropout drops and batch normalisation learns. "
    "`net.eval()` is missing.",
)
def forgets_eval_mode(net, batches, device):
    was_training = net.training
    net.to(device)
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You measure in train mode: dropout drops, and batch normalisation looks at the batch and changes its running "
    "averages.",
)
def measures_in_train_mode(net, batches, device):
    was_training = net.training
    net.to(device).train()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="`net.training = False` switches the net alone. Its layers stay in train mode: `net.eval()`.")
def switches_off_the_net_alone(net, batches, device):
    was_training = net.training
    net.to(device).training = False
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You leave the network in eval mode, whatever it came in: training goes on without dropout then. Ask for the "
    "mode before you change it, and put it back.",
)
def leaves_eval_mode(net, batches, device):
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    return total / count, right / count


@mistake(
    "evaluate", hint="You leave the network in train mode, whatever it came in. Remember the mode before you change it."
)
def leaves_train_mode(net, batches, device):
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train()
    return total / count, right / count


@mistake(
    "evaluate",
    hint="`net.training = ...` puts back the net alone. Its layers stay in eval mode: `net.train(mode)` switches all.",
)
def restores_the_net_alone(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.training = was_training
    return total / count, right / count


@mistake(
    "evaluate",
    hint="Everything is recorded for a backward pass that never comes: `torch.no_grad()` is missing. Eval mode does "
    "not do that.",
)
def records_gradients(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        logits = net(X)
        total += F.cross_entropy(logits, y).item() * len(y)
        right += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="Gradients stay switched off for the whole program after your function. `with torch.no_grad():` switches them "
    "on again.",
)
def leaves_recording_switched_off(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    torch.set_grad_enabled(False)
    total, right, count = 0.0, 0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        logits = net(X)
        total += F.cross_entropy(logits, y).item() * len(y)
        right += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You switch recording on at the end, also for a caller who had it switched off. `with torch.no_grad():` "
    "leaves it as it was.",
)
def always_switches_recording_on(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    torch.set_grad_enabled(False)
    total, right, count = 0.0, 0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        logits = net(X)
        total += F.cross_entropy(logits, y).item() * len(y)
        right += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    torch.set_grad_enabled(True)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You call `backward()`. Nothing is learned here, and the next training step would find these gradients.",
)
def leaves_gradients_behind(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        logits = net(X)
        loss = F.cross_entropy(logits, y)
        loss.backward()
        total += loss.item() * len(y)
        right += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You update the parameters. Whoever measures a network must not change it.")
def learns_while_measuring(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        logits = net(X)
        loss = F.cross_entropy(logits, y)
        net.zero_grad()
        loss.backward()
        step(net, 0.1)
        total += loss.item() * len(y)
        right += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    net.zero_grad()
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You go through the batches twice. A generator is at its end after the first time.")
def counts_the_examples_first(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, sum(len(y) for _, y in batches)
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You measure a copy of the network, so `net` itself is never moved to the device, and its memory is taken "
    "twice.",
)
def measures_a_copy(net, batches, device):
    was_training = net.training
    original, net = net, copy.deepcopy(net).to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    original.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You take the network back to the CPU. It should stay on the device: training goes on.")
def takes_the_net_home(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training).cpu()
    return total / count, right / count


@mistake(
    "evaluate",
    hint="All logits come back from the GPU. Compute the loss and count the right ones there; two numbers are enough.",
)
def brings_the_logits_home(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            logits = net(X.to(device)).cpu()
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="Predictions and labels go to NumPy to be compared. PyTorch compares them where they are.")
def compares_in_numpy(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += int((logits.argmax(dim=1).cpu().numpy() == y.cpu().numpy()).sum())
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake(
    "evaluate",
    hint="You read one number per example, and the CPU waits for each. Let the GPU count: `.sum()` first, `.item()` "
    "once.",
)
def reads_every_prediction(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += sum((logits[i].argmax() == y[i]).item() for i in range(len(y)))
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="You move the labels to the device twice. Keep the moved tensor under a name.")
def moves_the_labels_twice(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X = X.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y.to(device)).item() * len(y)
            right += (logits.argmax(dim=1) == y.to(device)).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="`device` may also be a str, and a str has no `.type`. `.to(device)` takes both.")
def expects_a_device_object(net, batches, device):
    was_training = net.training
    net.eval()
    if device.type == "cuda":
        net.to(device)
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="The loss is computed in float32: float64 loses its digits.")
def measures_in_float32(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits.float(), y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="`squeeze()` also removes the axis of the examples when there is only one.")
def squeezes_the_logits(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X).squeeze()
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    net.train(was_training)
    return total / count, right / count


@mistake("evaluate", hint="`return` stands in the loop: only the first batch is measured.")
def stops_after_the_first_batch(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)
            total += F.cross_entropy(logits, y).item() * len(y)
            right += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
            net.train(was_training)
            return total / count, right / count
    return 0.0, 0.0


@also_right("evaluate")
@torch.no_grad()
def under_a_decorator(net, batches, device):
    mode = net.training
    net.eval()
    net.to(device)
    losses, hits = [], []
    for X, y in batches:
        logits, y = net(X.to(device)), y.to(device)
        losses.append(F.cross_entropy(logits, y, reduction="none"))
        hits.append(logits.max(dim=1).indices == y)
    net.train(mode)
    return torch.cat(losses).mean().item(), torch.cat(hits).double().mean().item()


@also_right("evaluate")
def with_mode_restored_at_all_costs(net, batches, device):
    net.to(torch.device(device))
    was_training = net.training
    measure = nn.CrossEntropyLoss(reduction="sum")
    loss, right, count = 0.0, 0, 0
    try:
        net.eval()
        with torch.inference_mode():
            for X, y in batches:
                y = y.to(device)
                logits = net(X.to(device, non_blocking=True))
                loss += float(measure(logits, y))
                right += int(logits.argmax(-1).eq(y).sum())
                count += y.numel()
    finally:
        if was_training:
            net.train()
    return loss / count, right / count


@also_right("evaluate")
def with_every_mode_remembered(net, batches, device):
    modes = {part: part.training for part in net.modules()}
    was_recording = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    net.to(device).train(False)
    loss = right = torch.zeros((), dtype=torch.float64, device=device)
    count = 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        log_probs = net(X).double().log_softmax(dim=1)
        loss = loss - log_probs[torch.arange(len(y), device=device), y].sum()
        right = right + (log_probs.argmax(dim=1) == y).sum()
        count += len(y)
    for part, mode in modes.items():
        part.training = mode
    torch.set_grad_enabled(was_recording)
    return loss.item() / count, right.item() / count


@also_right("evaluate")
def with_averages_weighed(net, batches, device):
    was_training = net.training
    net.to(device).eval()
    results = []
    with torch.no_grad():
        for X, y in list(batches):
            logits, labels = net(X.to(device)), y.to(device)
            fraction = (logits.argmax(1) == labels).double().mean()
            results.append((F.cross_entropy(logits, labels).item(), fraction.item(), len(y)))
    net.train(mode=was_training)
    losses, fractions, sizes = zip(*results, strict=True)
    return float(np.dot(losses, sizes) / sum(sizes)), float(np.dot(fractions, sizes) / sum(sizes))


# --- PositionalBias ---------------------------------------------------------------------------------------------------


def waves(length, width):
    """The table of the text."""
    return torch.sin(torch.arange(1, length + 1).unsqueeze(1) / torch.arange(1, width + 1))


class Base(nn.Module):
    """What the mistakes below have in common with a right answer."""

    def __init__(self, length, width):
        super().__init__()
        self.register_buffer("table", waves(length, width))

    def forward(self, x):
        return x + self.table[: x.shape[1]]


@mistake(
    "PositionalBias",
    hint="The table is a plain attribute, or made anew in each call: `.to(device)`, `.double()` and `state_dict()` "
    "know nothing of it. `register_buffer` puts it on the list.",
)
class KeepsAPlainAttribute(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.table = waves(length, width)

    def forward(self, x):
        return x + self.table[: x.shape[1]]


@mistake(
    "PositionalBias",
    hint="The table is a plain attribute, and with each call it is copied to the device anew. A buffer goes there "
    "once.",
)
class MovesTheTableInForward(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.table = waves(length, width)

    def forward(self, x):
        return x + self.table[: x.shape[1]].to(x)


@mistake(
    "PositionalBias", hint="The table is an nn.Parameter: an optimiser would change it. It is fixed: make it a buffer."
)
class LearnsTheTable(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.table = nn.Parameter(waves(length, width))

    def forward(self, x):
        return x + self.table[: x.shape[1]]


@mistake(
    "PositionalBias",
    hint="With `requires_grad=False` it is still a parameter, handed to every optimiser. Make it a buffer.",
)
class FreezesAParameter(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.table = nn.Parameter(waves(length, width), requires_grad=False)

    def forward(self, x):
        return x + self.table[: x.shape[1]]


@mistake("PositionalBias", hint="With `persistent=False` a buffer moves along, but is not saved in `state_dict()`.")
class IsNotSaved(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        del self.table
        self.register_buffer("table", waves(length, width), persistent=False)


@mistake(
    "PositionalBias", hint="The buffer has another name. The text asks for `table`: that is the key in `state_dict()`."
)
class HasAnotherName(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.register_buffer("bias", waves(length, width))

    def forward(self, x):
        return x + self.bias[: x.shape[1]]


@mistake(
    "PositionalBias", hint="Besides the table you register another buffer. `state_dict()` should hold the table alone."
)
class RegistersTwoBuffers(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.register_buffer("positions", torch.arange(length))


@mistake(
    "PositionalBias", hint="The buffer has the shape (1, length, width). The table of the text is (length, width)."
)
class AddsAnAxisToTheTable(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.register_buffer("table", waves(length, width).unsqueeze(0))

    def forward(self, x):
        return x + self.table[:, : x.shape[1]]


@mistake(
    "PositionalBias",
    hint="You compute the table anew in each call, and it is not in `state_dict()`. Make it once, as a buffer.",
)
class MakesTheTableOnTheDevice(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.width = width

    def forward(self, x):
        t = torch.arange(1, x.shape[1] + 1, device=x.device).unsqueeze(1)
        return x + torch.sin(t / torch.arange(1, self.width + 1, device=x.device))


@mistake("PositionalBias", hint="There is a buffer, but `forward` adds another tensor, which is not registered.")
class AddsAnotherTensor(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.rows = list(waves(length, width))

    def forward(self, x):
        return x + torch.stack(self.rows[: x.shape[1]])


@mistake("PositionalBias", hint="You add the whole table. A sequence may be shorter: it gets the first T rows.")
class AddsTheWholeTable(Base):
    def forward(self, x):
        return x + self.table


@mistake("PositionalBias", hint="You cut the columns of the table instead of its rows.")
class CutsTheColumns(Base):
    def forward(self, x):
        return x + self.table[:, : x.shape[1]]


@mistake("PositionalBias", hint="T is the second axis of x. You take as many rows as there are examples.")
class CountsTheExamples(Base):
    def forward(self, x):
        return x + self.table[: x.shape[0]]


@mistake("PositionalBias", hint="A shorter sequence gets the first rows of the table, not the last ones.")
class TakesTheLastRows(Base):
    def forward(self, x):
        return x + self.table[-x.shape[1] :]


@mistake("PositionalBias", hint="t starts at 0, and the table holds sin((t + 1) / (j + 1)): the first row is not zero.")
class CountsPositionsFromZero(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.table.copy_(torch.sin(torch.arange(length).unsqueeze(1) / torch.arange(1, width + 1)))


@mistake("PositionalBias", hint="j starts at 0: without the + 1 you divide by zero, and sin(inf) is nan.")
class DividesByZero(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.table.copy_(torch.sin(torch.arange(1, length + 1).unsqueeze(1) / torch.arange(width)))


@mistake("PositionalBias", hint="`//` drops everything behind the point: sin((t + 1) / (j + 1)) needs `/`.")
class DividesWholeNumbers(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.table.copy_(torch.sin(torch.arange(1, length + 1).unsqueeze(1) // torch.arange(1, width + 1)))


@mistake("PositionalBias", hint="t and j are swapped: the position stands above the line, the column below.")
class SwapsPositionAndColumn(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.table.copy_(torch.sin(torch.arange(1, width + 1) / torch.arange(1, length + 1).unsqueeze(1)))


@mistake("PositionalBias", hint="The table holds sines, and yours holds cosines.")
class TakesCosines(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.table.copy_(torch.cos(torch.arange(1, length + 1).unsqueeze(1) / torch.arange(1, width + 1)))


@mistake("PositionalBias", hint="The table is float64, and so is everything it is added to. Let it be float32.")
class KeepsAFloat64Table(Base):
    def __init__(self, length, width):
        super().__init__(length, width)
        self.table = self.table.double()


@mistake("PositionalBias", hint="The result is always float32: after `.double()` it should be float64.")
class ReturnsFloat32(Base):
    def forward(self, x):
        return super().forward(x).float()


@mistake("PositionalBias", hint="`+=` writes into the batch of the caller. `x + ...` makes a new tensor.")
class WritesIntoX(Base):
    def forward(self, x):
        x += self.table[: x.shape[1]]
        return x


@mistake("PositionalBias", hint="You multiply x by the table. It is to be added.")
class MultipliesByTheTable(Base):
    def forward(self, x):
        return x * self.table[: x.shape[1]]


@mistake(
    "PositionalBias", hint="The result is cut off from the graph: no gradient reaches what stands before this layer."
)
class CutsTheGraph(Base):
    def forward(self, x):
        return x.detach() + self.table[: x.shape[1]]


@mistake("PositionalBias", hint="x goes to the CPU and back. After `.to(device)` the table is where x is.")
class GoesThroughTheCpu(Base):
    def forward(self, x):
        return (x.cpu() + self.table[: x.shape[1]].cpu()).to(x.device)


@mistake("PositionalBias", hint="x goes through NumPy, which knows the host only, and no gradients.")
class GoesThroughNumpy(Base):
    def forward(self, x):
        return torch.from_numpy(x.detach().cpu().numpy() + self.table[: x.shape[1]].cpu().numpy()).to(x.device)


@mistake("PositionalBias", hint="There is dropout in your module: in train mode the result is another one each time.")
class HasDropout(Base):
    def forward(self, x):
        return torch.dropout(super().forward(x), 0.1, self.training)


@mistake("PositionalBias", hint="`super().__init__()` must come first: it makes the lists that buffers are put on.")
class ForgetsSuper(nn.Module):
    def __init__(self, length, width):
        self.register_buffer("table", waves(length, width))

    def forward(self, x):
        return x + self.table[: x.shape[1]]


@mistake("PositionalBias", hint="Your class is not an nn.Module: write it as `class PositionalBias(nn.Module):`.")
class IsNoModule:
    def __init__(self, length, width):
        self.table = waves(length, width)

    def __call__(self, x):
        return x + self.table[: x.shape[1]]


@mistake(
    "PositionalBias", hint="The arguments are (length, width) in this order, and you take them the other way round."
)
class TakesWidthFirst(Base):
    def __init__(self, width, length):
        super().__init__(length, width)


_shared = {}


@mistake(
    "PositionalBias", hint="All modules of one size are one and the same: a table loaded into one is in all of them."
)
def shares_one_module(length, width):
    if (length, width) not in _shared:
        _shared[length, width] = Base(length, width)
    return nn.Sequential(_shared[length, width])[0]


@also_right("PositionalBias")
class NumberByNumber(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        rows = [[math.sin((t + 1) / (j + 1)) for j in range(width)] for t in range(length)]
        self.register_buffer("table", torch.tensor(rows))

    def forward(self, x):
        _, length, _ = x.shape
        return self.table[None, :length, :] + x


@also_right("PositionalBias")
class WithAnnBuffer(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        t, j = torch.meshgrid(torch.arange(length), torch.arange(width), indexing="ij")
        self.table = nn.Buffer(((t + 1) / (j + 1)).sin())

    def forward(self, x):
        return torch.add(x, self.table.narrow(0, 0, x.size(1)))


@also_right("PositionalBias")
class WithBroadcasting(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        table = torch.outer(torch.arange(1.0, length + 1), 1 / torch.arange(1.0, width + 1))
        self.register_buffer("table", torch.sin(table))

    def forward(self, x):
        positions = torch.arange(x.shape[1], device=x.device)
        return x + self.table[positions].expand(x.shape[0], -1, -1)


@also_right("PositionalBias")
class FilledRowByRow(nn.Module):
    table: Tensor

    def __init__(self, length, width):
        super().__init__()
        self.register_buffer("table", torch.empty(length, width))
        for t in range(length):
            self.table[t] = torch.sin(torch.tensor(t + 1.0) / torch.arange(1, width + 1))

    def forward(self, x):
        return x.clone().add_(self.table[: x.size(1)])
