# %% [markdown]
# # Quiz: the foundations
#
# Everything in this course is built from a few ideas: tensors and their shapes, memory that is shared or not, numbers
# of limited width, and derivatives that PyTorch finds for you. Here you can see how well you know them, before they
# meet again inside a network.
#
# **How it works.** Run all cells first: each question then appears above the cell for its answer. If you do not work
# on JupyterHub, the first cell with code asks for your user name, because your numbers are your own; your neighbour's
# differ. An answer is one line of Python, and the cell tells you at once whether it can be read. Whether it is right,
# your feedback will say, with a hint where the mistake is a common one, and later with an explanation.
#
# **Our advice.** Pencil and paper first! You may try things out in PyTorch afterwards, and you should: nothing
# teaches more than a prediction that turns out wrong. Take your time; you need not answer everything in one go.

# %%
import torch

# %% [markdown]
# ## Shapes
#
# Most errors in this field are shapes. A minute with a pencil saves an hour with a debugger.
#
# ### Two axes at once

# %% question="two_axes"

# %% [markdown]
# ### Which sum has which shape?

# %% question="reductions"

# %% [markdown]
# ### A running total

# %% question="running_total"

# %% [markdown]
# ### Glued together

# %% question="glued"

# %% [markdown]
# ### Stacked

# %% question="stacked"

# %% [markdown]
# ### Slices

# %% question="sliced"

# %% [markdown]
# ### The size that PyTorch works out

# %% question="minus_one"

# %% [markdown]
# ### Same shape, other numbers

# %% question="reshape_or_transpose"

# %% [markdown]
# ## Shapes that meet
#
# Tensors of different shapes may be added, as long as their shapes fit. That is very handy, and now and then it is a
# trap.
#
# ### What comes out?

# %% question="stretched"

# %% [markdown]
# ### A column minus a row

# %% question="column_minus_row"

# %% [markdown]
# ### Which pairs fit?

# %% question="fitting_pairs"

# %% [markdown]
# ## Views and copies
#
# Two tensors may look at the same numbers. It saves memory, and it surprises whoever writes into one of them.
#
# ### Whose memory is it?

# %% question="whose_memory"

# %% [markdown]
# ### Written through

# %% question="written_through"

# %% [markdown]
# ### Two names

# %% question="same_name"

# %% [markdown]
# ### Only another way to look

# %% question="view_runs"

# %% [markdown]
# ## Types of numbers
#
# A tensor's numbers all have one type, and each type has its limits.
#
# ### Born as

# %% question="born_dtype"

# %% [markdown]
# ### When types meet

# %% question="mixed_dtypes"

# %% [markdown]
# ### One more

# %% question="one_too_many"

# %% [markdown]
# ### How much memory?

# %% question="how_many_bytes"

# %% [markdown]
# ## Linear algebra
#
# A layer of a network is a product of matrices, so it pays to have them at your fingertips.
#
# ### Two products

# %% question="star_or_at"

# %% [markdown]
# ### A batch of products

# %% question="batch_of_products"

# %% [markdown]
# ### How long is a vector?

# %% question="norms"

# %% [markdown]
# ### A product, transposed

# %% question="transposed_product"

# %% [markdown]
# ## Derivatives by hand
#
# Autograd will do this for you from now on. It is good to know what it does.
#
# ### One variable

# %% question="derivative"

# %% [markdown]
# ### A small step

# %% question="small_step"

# %% [markdown]
# ### Two variables

# %% question="gradient_here"

# %% [markdown]
# ### Rows and columns of a derivative

# %% question="layout"

# %% [markdown]
# ### The right word

# %% question="word_for"

# %% [markdown]
# ## Autograd
#
# PyTorch writes down what you compute and walks back through it. What does it record, what does it leave behind, and
# where?
#
# ### Two paths

# %% question="two_paths"

# %% [markdown]
# ### The slope of a small model

# %% question="model_slope"

# %% [markdown]
# ### Once, twice, three times

# %% question="added_up"

# %% [markdown]
# ### Cut off

# %% question="detached"

# %% [markdown]
# ### Who requires gradients?

# %% question="recorded"

# %% [markdown]
# ### Where nobody looks

# %% question="still_recorded"

# %% [markdown]
# ### One step by hand

# %% question="update_line"

# %% [markdown]
# ### In the right order

# %% question="in_order"

# %% [markdown]
# ## Done!
#
# If a question gave you pause, run its lines, change a number, and see. Then hand in; you can come back to each of
# these ideas whenever a network does something that you did not expect.
