namespace BorgStore.Backends.S3.Values;

/// <summary>One step of making an object from blocks.</summary>
/// <param name="Pieces">The blocks, or parts of blocks, in this step.</param>
/// <param name="IsCopy">Whether the server copies the data, which is then a single piece. Otherwise it is downloaded and uploaded.</param>
internal sealed record DefragStep(IReadOnlyList<Block> Pieces, bool IsCopy)
{
    /// <summary>The number of bytes.</summary>
    public long Length => Pieces.Sum(piece => piece.Length);
}

/// <summary>Splits blocks into the parts of an upload. Each part but the last has at least
/// the minimum size of servers, and large blocks are copied on the server.</summary>
internal static class DefragPlan
{
    /// <summary>Returns the steps.</summary>
    /// <param name="blocks">The blocks, in order.</param>
    /// <param name="partSize">The size of an uploaded part [bytes].</param>
    /// <param name="canCopy">Whether the server can copy from a block's item.</param>
    public static List<DefragStep> Make(IEnumerable<Block> blocks, int partSize, Func<Block, bool> canCopy)
    {
        var steps = new List<DefragStep>();
        var gathered = new List<Block>();
        var size = 0L;
        foreach (var block in blocks)
        {
            var (rest, stays) = (block, canCopy(block));
            // A part that is too small is filled up from the beginning of a large block, so that the server can copy the rest.
            if (stays && size is > 0 and < PartSizes.MinPartSize && rest.Length - (PartSizes.MinPartSize - size) >= PartSizes.MinPartSize) Gather(PartSizes.MinPartSize - size);
            if (stays && rest.Length >= PartSizes.MinPartSize && (size == 0 || size >= PartSizes.MinPartSize))
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
