"""Small networks built as their packages build them: GPT-2, timm's ViT and Swin, MobileNet, ConvNeXt, LoRA."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize


class Conv1D(nn.Module):
    """The linear layer of Hugging Face's GPT-2, its weight the other way round."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(torch.randn(nx, nf) / math.sqrt(nx))
        self.bias = nn.Parameter(0.1 * torch.randn(nf))

    def forward(self, x):
        y = torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight)
        return y.view(*x.size()[:-1], self.nf)


class CausalAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = Conv1D(3 * width, width), Conv1D(width, width)

    def forward(self, x):
        b, t, width = x.shape
        q, k, v = (
            y.view(b, t, self.heads, -1).transpose(1, 2) for y in self.c_attn(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(b, t, width))


class GPTBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = CausalAttention(width, heads)
        self.mlp = nn.ModuleDict({"c_fc": Conv1D(2 * width, width), "c_proj": Conv1D(width, 2 * width)})

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x))))


class GPT(nn.Module):
    """Token and position tables, blocks, and a head that shares the tokens' table."""

    def __init__(self, words=19, length=8, width=12, heads=3, layers=2):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(words, width), nn.Embedding(length, width)
        self.h = nn.ModuleList(GPTBlock(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, words, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class Attention(nn.Module):
    """timm's: one linear layer for queries, keys and values; with windows' relative positions."""

    def __init__(self, width, heads, window=0):
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        if window:
            self.relative_position_bias_table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
            at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
            apart = at[:, :, None] - at[:, None] + window - 1
            self.register_buffer("index", apart[0] * (2 * window - 1) + apart[1])

    def forward(self, x):
        b, t, width = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if self.window:
            scores = scores + self.relative_position_bias_table[self.index].permute(2, 0, 1)
        y = scores.softmax(dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, t, width))


class ViTBlock(nn.Module):
    def __init__(self, width, heads, window=0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, window)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, width=12, heads=2):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, 4, stride=4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, 5, width))
        self.blocks = nn.Sequential(ViTBlock(width, heads), ViTBlock(width, heads))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 4)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class Swin(nn.Module):
    """Windows of 2x2, moved on by one, and patches merged."""

    def __init__(self, width=8):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, 2, stride=2)
        self.block = ViTBlock(width, 2, window=2)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.head = nn.Linear(2 * width, 4)

    def forward(self, x):
        x = self.patch_embed(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        x = torch.roll(x, (-1, -1), dims=(1, 2))
        parts = x.view(b, h // 2, 2, w // 2, 2, c).transpose(2, 3).reshape(-1, 4, c)
        x = self.block(parts).view(b, h // 2, w // 2, 2, 2, c).transpose(2, 3).reshape(b, h, w, c)
        x = torch.roll(x, (1, 1), dims=(1, 2))
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], dim=-1)
        return self.head(self.reduction(x).mean(dim=(1, 2)))


class MobileNet(nn.Module):
    """Two inverted residuals: 1x1, depthwise 3x3, 1x1."""

    def __init__(self):
        super().__init__()

        def block(inputs, outputs, stride):
            return nn.Sequential(
                nn.Conv2d(inputs, 2 * inputs, 1, bias=False), nn.BatchNorm2d(2 * inputs), nn.ReLU6(),
                nn.Conv2d(2 * inputs, 2 * inputs, 3, stride, 1, groups=2 * inputs, bias=False),
                nn.BatchNorm2d(2 * inputs), nn.ReLU6(),
                nn.Conv2d(2 * inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
            )

        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.first, self.second = block(6, 6, 1), block(6, 8, 2)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu6(self.stem(x))
        x = x + self.first(x)
        return self.head(self.second(x).mean(dim=(2, 3)))


class ConvNeXt(nn.Module):
    """Depthwise 5x5, norm of channels last, two linear layers, a scale for each channel."""

    def __init__(self, width=6):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 2, stride=2)
        self.conv_dw = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.rand(width))
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.conv_dw(x).permute(0, 2, 3, 1))
        y = self.gamma * self.fc2(F.gelu(self.fc1(y)))
        return self.head((x + y.permute(0, 3, 1, 2)).mean(dim=(2, 3)))


class PeftLinear(nn.Module):
    """peft's: the frozen layer and two thin ones beside it."""

    def __init__(self, base, rank=2):
        super().__init__()
        self.base_layer = base.requires_grad_(False)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(base.in_features, rank, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(rank, base.out_features, bias=False)})

    def forward(self, x):
        return self.base_layer(x) + 0.5 * self.lora_B["default"](self.lora_A["default"](x))


class LowRank(nn.Module):
    """An update of low rank as a parametrisation of a weight."""

    def __init__(self, outputs, inputs, rank=2):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(rank, inputs)), nn.Parameter(torch.randn(outputs, rank))

    def forward(self, weight):
        return weight + 0.1 * self.b @ self.a


def parametrised():
    layer = nn.Linear(9, 7)
    parametrize.register_parametrization(layer, "weight", LowRank(7, 9))
    return nn.Sequential(
        layer, nn.Tanh(), parametrizations.spectral_norm(nn.Linear(7, 6)), nn.Tanh(),
        parametrizations.weight_norm(nn.Linear(6, 5)), nn.Tanh(), parametrizations.orthogonal(nn.Linear(5, 5)),
    )


class Seq2Seq(nn.Module):
    """torch's own encoder and decoder layers."""

    def __init__(self, width=8):
        super().__init__()
        options = {"dim_feedforward": 12, "dropout": 0.0, "batch_first": True}
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 2, **options), 2)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(width, 2, norm_first=True, **options), 1)

    def forward(self, source, target):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1], dtype=target.dtype)
        return self.decoder(target, self.encoder(source), tgt_mask=mask)


def image(*shape):
    return lambda: (torch.randn(*shape, dtype=torch.float64),)


# name -> network, its inputs, how many layers with weights it has
NETWORKS = {
    "gpt2": (GPT, lambda: (torch.randint(19, (2, 6)),), 2 + 2 * 4 + 1),
    "vit": (ViT, image(2, 3, 8, 8), 1 + 2 * 4 + 1),
    "swin": (Swin, image(2, 3, 8, 8), 1 + 4 + 2),
    "mobilenet": (MobileNet, image(2, 3, 8, 8), 1 + 2 * 3 + 1),
    "convnext": (ConvNeXt, image(2, 3, 8, 8), 5),
    "lora": (lambda: nn.Sequential(PeftLinear(nn.Linear(7, 6)), nn.ReLU(), PeftLinear(nn.Linear(6, 4))), image(3, 7), 6),
    "parametrised": (parametrised, image(3, 9), 4),
    "seq2seq": (Seq2Seq, lambda: tuple(torch.randn(2, n, 8, dtype=torch.float64) for n in (5, 4)), 2 * 4 + 6),
}
