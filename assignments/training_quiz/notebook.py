# %% [markdown]
# # Quiz: training a network
#
# A network learns from a loss, one small step after the other, and in the end somebody has to find out honestly how
# good it is. This quiz goes along that road: from scores to a loss, through the layers, down the slope, and to the
# data that nobody has looked at yet.
#
# **How it works.** Run all cells first: each question then appears above the cell for its answer. If you do not work
# on JupyterHub, the first cell with code asks for your user name, because your numbers are your own; your neighbour's
# differ. An answer is one line of Python, and the cell tells you at once whether it can be read. Whether it is right,
# your feedback will say, with a hint where the mistake is a common one, and later with an explanation.
#
# **Our advice.** A pocket calculator is fine, and so is PyTorch once you have an idea of the result: is it positive?
# Is it larger than one? Should it grow or fall? An estimate is the best test of a computation.

# %%
import torch
import torch.nn.functional as F
from torch import nn

# %% [markdown]
# ## From scores to a loss
#
# ### Logarithms of parts

# %% question="logs_of_parts"

# %% [markdown]
# ### What does softmax see?

# %% question="shifted_or_scaled"

# %% [markdown]
# ### Very large and very small

# %% question="naive_softmax"

# %% [markdown]
# ### Two classes

# %% question="two_classes"

# %% [markdown]
# ### The loss of one example

# %% question="loss_of_a_row"

# %% [markdown]
# ### The loss of a batch

# %% question="loss_of_a_batch"

# %% [markdown]
# ### Before it has learnt anything

# %% question="blind_guess"

# %% [markdown]
# ### How surprising?

# %% question="bits"

# %% [markdown]
# ### What always holds

# %% question="about_entropy"

# %% [markdown]
# ### Which way is up?

# %% question="slope_of_the_loss"

# %% [markdown]
# ## Layers
#
# A layer multiplies, adds, and bends. Each of the three has its own questions.
#
# ### Where it is steepest

# %% question="steepest"

# %% [markdown]
# ### The slope of a bend

# %% question="activation_slope"

# %% [markdown]
# ### ReLU and its kink

# %% question="relu_at_zero"

# %% [markdown]
# ### The shape of a weight

# %% question="linear_weight"

# %% [markdown]
# ### How many parameters?

# %% question="parameters"

# %% [markdown]
# ### One layer after the other

# %% question="one_bias"

# %% [markdown]
# ### No more than one layer

# %% question="affine_networks"

# %% [markdown]
# ### Forwards

# %% question="forward_lines"

# %% [markdown]
# ## Losses for numbers
#
# When the target is a number, the loss decides how much a large error counts.
#
# ### Parabola or straight line?

# %% question="huber"

# %% [markdown]
# ### Four losses, four slopes

# %% question="slopes_of_losses"

# %% [markdown]
# ### The best constant

# %% question="best_constant"

# %% [markdown]
# ### With a penalty

# %% question="penalised_slope"

# %% [markdown]
# ## Downhill
#
# ### One step

# %% question="one_step"

# %% [markdown]
# ### How fast is too fast?

# %% question="too_fast"

# %% [markdown]
# ### How many steps?

# %% question="steps_of_an_epoch"

# %% [markdown]
# ### Larger batches

# %% question="noise_of_a_batch"

# %% [markdown]
# ### A step with weight decay

# %% question="decayed"

# %% [markdown]
# ### Nothing but weight decay

# %% question="decay_alone"

# %% [markdown]
# ## How good is it really?
#
# A model that does well on what it has seen has shown a good memory. What counts is tomorrow's data.
#
# ### Which data for what?

# %% question="which_data"

# %% [markdown]
# ### The size of a fold

# %% question="fold_sizes"

# %% [markdown]
# ### The price of cross-validation

# %% question="fold_trainings"

# %% [markdown]
# ### Two curves

# %% question="when_to_stop"

# %% [markdown]
# ### A diagnosis

# %% question="diagnosis"

# %% [markdown]
# ### Seen too early

# %% question="leaks"

# %% [markdown]
# ## Where a tensor lives
#
# No GPU is needed for these two: the rules are enough.
#
# ### Where is it?

# %% question="where_it_lives"

# %% [markdown]
# ### Together?

# %% question="both_devices"

# %% [markdown] manual="in_your_own_words" points=4
# ## In your own words
#
# A friend trains a network on 500 photographs and proudly shows you two numbers: the accuracy is 99 % on the training
# set and 71 % on a validation set. "Not bad", says the friend, "and with twice as many epochs the 71 % will surely
# rise."
#
# Answer in five to eight sentences: what do the two numbers tell you, what would more epochs do to each of them, and
# what would you try first?
#
# A person will read this. It is worth
#
# - 1 point if you say what the distance between the two numbers means;
# - 1 point if you say what more epochs would do to both, and why;
# - 1 point if what you would try fits the trouble;
# - 1 point if you give the reason why it should help.

# %% [markdown]
# ## Done!
#
# Next time you train a network and the loss does something odd, come back: the reason is often one of these.
