# %% [markdown]
# # Quiz: tensors
#
# Eight questions about shapes, memory, types and gradients. Run all cells first: each question then appears above the
# cell for its answer. An answer is one line of Python; work it out on paper before you try it in PyTorch. The cell
# below each answer says whether it can be read, and your feedback whether it is right.

# %%
import torch

# %% [markdown]
# ## Sums over an axis

# %% question="axis_sum"

# %% [markdown]
# ## Broadcasting

# %% question="broadcast_shape"

# %% [markdown]
# ## Views and copies

# %% question="shared_memory"

# %% [markdown]
# ## Types

# %% question="result_dtype"

# %% [markdown]
# ## What is printed?

# %% question="printed_cumsum"

# %% [markdown]
# ## What `backward` accumulates

# %% question="accumulated_grad"

# %% [markdown]
# ## A derivative by hand

# %% question="slope_by_hand"

# %% [markdown]
# ## One step of training

# %% question="training_step"
