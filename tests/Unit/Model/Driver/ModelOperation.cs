using System.Globalization;
using System.Text;
using System.Text.Json;
using BorgStore.Backends;

namespace BorgStore.Tests.Model.Driver;

/// <summary>The kinds of operations.</summary>
internal enum ModelAction
{
    Store,
    Create,
    Load,
    LoadRange,
    Peek,
    Find,
    Hash,
    List,
    ListPrefix,
    ListLevel,
    Move,
    MoveNew,
    SoftDelete,
    Undelete,
    UndeleteNew,
    Delete,
    DeleteMany,
    Copy,
    Gather,
    Defrag,
}

/// <summary>How an operation ended.</summary>
internal enum ModelOutcome
{
    /// <summary>It has not ended: its process may have been killed.</summary>
    Pending,

    /// <summary>It succeeded.</summary>
    Done,

    /// <summary>There is no such item.</summary>
    Missing,

    /// <summary>There is already such an item.</summary>
    Exists,

    /// <summary>The storage does not offer it.</summary>
    Declined,

    /// <summary>It failed in a way that promises that nothing was changed.</summary>
    Refused,

    /// <summary>It failed or was cancelled: it may have taken effect, or still will.</summary>
    Failed,

    /// <summary>It failed with an exception that no operation may throw.</summary>
    Broken,
}

/// <summary>An item in a listing.</summary>
/// <param name="Group">Its group.</param>
/// <param name="Slot">Its slot.</param>
/// <param name="Size">Its size [bytes].</param>
internal readonly record struct SeenItem(int Group, int Slot, long Size);

/// <summary>An operation with its arguments, its time and its result.</summary>
/// <remarks>Items are in groups, and an operation uses the items of only one, except a listing of everything. A slot is an item of a group, live (even) or
/// soft-deleted (odd). The last item of a group is stored before the workers begin and never changed.</remarks>
internal sealed record ModelOperation
{
    public const string Namespace = "data";

    /// <summary>How operations and orders are passed between processes.</summary>
    public static readonly JsonSerializerOptions Json = new() { IgnoreReadOnlyProperties = true };

    public int Round { get; init; }

    public int Worker { get; init; }

    public int Number { get; init; }

    public ModelAction Action { get; init; }

    public int Group { get; init; }

    public int Slot { get; init; }

    /// <summary>The slot that is written to when another one is read.</summary>
    public int Other { get; init; }

    /// <summary>The item that never changes.</summary>
    public int StableSlot { get; init; }

    public int Size { get; init; }

    public long Offset { get; init; }

    public long? Count { get; init; }

    /// <summary>Whether the value is given as a stream rather than in memory.</summary>
    public bool IsStream { get; init; }

    /// <summary>When the operation is cancelled [ms].</summary>
    public int? CancelAfter { get; init; }

    public long Start { get; set; }

    public long End { get; set; } = long.MaxValue;

    public ModelOutcome Outcome { get; set; }

    /// <summary>The size that was reported.</summary>
    public long Length { get; set; }

    /// <summary>The fingerprints of what was loaded; several for a gathering.</summary>
    public List<string> Prints { get; set; } = [];

    public List<SeenItem> Seen { get; set; } = [];

    /// <summary>A description of what was loaded, or of the error.</summary>
    public string Text { get; set; } = "";

    public ModelValue Value => new(Round, Worker, Number, (Group * 256) + Slot, Size);

    public ByteRange Range => new(Offset, Count);

    public StoreMode Mode => Action is ModelAction.Create or ModelAction.MoveNew or ModelAction.UndeleteNew ? StoreMode.CreateNew : StoreMode.Overwrite;

    public static bool IsDeleted(int slot) => slot % 2 == 1;

    /// <summary>Returns the directory of a group.</summary>
    public static string DirectoryOf(int group) => $"{Namespace}/{group:x2}";

    /// <summary>Returns the start of the keys of a group in a round.</summary>
    public static string PrefixOf(int group, int round) => $"{group:x2}{round:x4}";

    public string NameOf(int slot) => $"{Namespace}/{PrefixOf(Group, Round)}{(char)('a' + (slot / 2))}";

    /// <summary>Returns the slot of a listed key of a round, or <see langword="null"/> if it is of another round.</summary>
    public static SeenItem? Parse(string key, bool isDeleted, int round, long size)
    {
        if (key.Length != 7 || !int.TryParse(key.AsSpan(0, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var group)
            || !int.TryParse(key.AsSpan(2, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var of) || of != round) return null;
        return new(group, ((key[6] - 'a') * 2) + (isDeleted ? 1 : 0), size);
    }

    /// <summary>The pieces of a gathering: two of items that change, and one of the item that does not.</summary>
    public Block[] GatheredPieces => [new(NameOf(Slot), 0, 48), new(NameOf(Other), 16, 48), new(NameOf(StableSlot), Offset, 100)];

    /// <summary>The pieces of a defragmentation, so that each one makes another value.</summary>
    public Block[] DefragmentedPieces => [new(NameOf(StableSlot), Offset, 1000), new(NameOf(StableSlot), Number * 32L, Size - 1000)];

    public override string ToString()
    {
        var text = new StringBuilder($"{Worker}#{Number} {Action} {Label(Slot)}");
        if (Action is ModelAction.Move or ModelAction.MoveNew or ModelAction.Copy or ModelAction.Gather or ModelAction.DeleteMany) text.Append($" {Label(Other)}");
        if (Action is ModelAction.Store or ModelAction.Create or ModelAction.Defrag) text.Append(CultureInfo.InvariantCulture, $" {Size} bytes{(IsStream ? " (stream)" : "")}");
        if (Action is ModelAction.LoadRange or ModelAction.Peek) text.Append(CultureInfo.InvariantCulture, $" {Offset}+{Count}");
        if (CancelAfter is not null) text.Append(CultureInfo.InvariantCulture, $" cancelled after {CancelAfter} ms");
        text.Append(CultureInfo.InvariantCulture, $" → {Outcome}");
        if (Outcome == ModelOutcome.Done && Length > 0) text.Append(CultureInfo.InvariantCulture, $" {Length} bytes");
        if (Seen.Count > 0) text.Append(CultureInfo.InvariantCulture, $" seen {string.Join(' ', Seen.Where(item => item.Group == Group || Action == ModelAction.List).Select(item => $"{item.Group}{Label(item.Slot)}:{item.Size}"))}");
        if (Text.Length > 0) text.Append(CultureInfo.InvariantCulture, $" ({Text})");
        return text.ToString();
    }

    private static string Label(int slot) => $"{(char)('a' + (slot / 2))}{(IsDeleted(slot) ? ".del" : "")}";
}
