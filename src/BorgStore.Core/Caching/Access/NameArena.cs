using System.Buffers.Binary;

namespace BorgStore.Caching.Access;

/// <summary>Stores many short byte strings without an object and its header for each.</summary>
/// <remarks>A freed place is reused for the next string of the same length; names in a namespace mostly have the same length.</remarks>
internal sealed class NameArena
{
    private const int PageBits = 16;
    private const int PageSize = 1 << PageBits;

    // A free place contains the number of the next free one of its length.
    private const int SmallestPlace = 1 + sizeof(uint);

    private readonly List<byte[]> _pages = [];
    private readonly uint[] _free = new uint[byte.MaxValue + 1];

    // Place 0 is not used, so that 0 can mean none.
    private int _next = PageSize;

    /// <summary>Stores a string.</summary>
    /// <returns>Its place.</returns>
    public uint Add(ReadOnlySpan<byte> name)
    {
        var place = Take(name.Length);
        var slot = SlotOf(place);
        slot[0] = (byte)name.Length;
        name.CopyTo(slot[1..]);
        return place;
    }

    /// <summary>Gets the string at a place.</summary>
    public ReadOnlySpan<byte> this[uint place]
    {
        get
        {
            var slot = SlotOf(place);
            return slot.Slice(1, slot[0]);
        }
    }

    /// <summary>Frees a place.</summary>
    public void Free(uint place)
    {
        var slot = SlotOf(place);
        ref var first = ref _free[slot[0]];
        BinaryPrimitives.WriteUInt32LittleEndian(slot[1..], first);
        first = place;
    }

    private uint Take(int length)
    {
        ref var first = ref _free[length];
        if (first != 0)
        {
            var place = first;
            first = BinaryPrimitives.ReadUInt32LittleEndian(SlotOf(place)[1..]);
            return place;
        }
        var size = Math.Max(1 + length, SmallestPlace);
        if (_next + size > PageSize)
        {
            _next = _pages.Count == 0 ? 1 : 0;
            _pages.Add(new byte[PageSize]);
        }
        var taken = ((uint)(_pages.Count - 1) << PageBits) | (uint)_next;
        _next += size;
        return taken;
    }

    private Span<byte> SlotOf(uint place) => _pages[(int)(place >> PageBits)].AsSpan((int)(place & (PageSize - 1)));
}
