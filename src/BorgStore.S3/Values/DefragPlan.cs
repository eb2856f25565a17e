namespace BorgStore.Backends.S3;

/// <summary>One step of making an object out of blocks.</summary>
/// <param name="Pieces">The blocks, or parts of blocks, that it consists of.</param>
/// <param name="IsCopy">Whether the server copies it: then it is one piece. Otherwise it passes through here.</param>
internal sealed record DefragStep(IReadOnlyList<Block> Pieces, bool IsCopy)
{
    /// <summary>How many bytes.</summary>
    public long Length => Pieces.Sum(piece => piece.Length);
}

/// <summary>Cuts blocks into steps that are parts of an upload: each but the last has the smallest size that servers take, and what is large
/// enough stays on the server.</summary>
internal static class DefragPlan
{
    /// <summary>Makes the steps.</summary>
    /// <param name="blocks">The blocks in their order.</param>
    /// <param name="partSize">The size of a part that passes through here [bytes].</param>
    /// <param name="canCopy">Whether the server can copy of a block's item.</param>
    public static List<DefragStep> Make(IEnumerable<Block> blocks, int partSize, Func<Block, bool> canCopy)
    {
        var steps = new List<DefragStep>();
        var gathered = new List<Block>();
        var size = 0L;
        foreach (var block in blocks)
        {
            var (rest, stays) = (block, canCopy(block));
            // A part too small is filled up from the beginning of a large block, so that the server can copy the rest.
            if (stays && size is > 0 and < PartSizes.Smallest && rest.Length - (PartSizes.Smallest - size) >= PartSizes.Smallest) Gather(PartSizes.Smallest - size);
            if (stays && rest.Length >= PartSizes.Smallest && (size == 0 || size >= PartSizes.Smallest))
            {
                Close();
                steps.Add(new([rest], IsCopy: true));
                continue;
            }
            while (rest.Length > 0)
            {
                Gather(Math.Min(rest.Length, partSize - size));
                if (size == partSize) Close();
            }

            void Gather(long length)
            {
                gathered.Add(rest with { Length = length });
                rest = rest with { Offset = rest.Offset + length, Length = rest.Length - length };
                size += length;
            }
        }
        Close();
        return steps;

        void Close()
        {
            if (size == 0) return;
            steps.Add(new([.. gathered], IsCopy: false));
            gathered.Clear();
            size = 0;
        }
    }
}
