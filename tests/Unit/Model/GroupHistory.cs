using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Model;

/// <summary>What a storage does in several steps, between which others may come.</summary>
[Flags]
internal enum ModelTraits
{
    None,

    /// <summary>A move copies the item and then deletes the old one.</summary>
    MovesInSteps = 1,

    /// <summary>Creating looks whether the item exists, and then stores it.</summary>
    CreatesInSteps = 2,

    /// <summary>A replaced item may be missing for a moment.</summary>
    ReplacesInSteps = 4,

    /// <summary>Deleting looks whether the item exists, and then deletes it.</summary>
    DeletesInSteps = 8,

    /// <summary>A request whose answer was lost is repeated, so that it may take effect twice while its operation is under way.</summary>
    Repeats = 16,

    /// <summary>The size of a copy is looked up, and may be that of a value that was replaced before it was copied.</summary>
    LooksUpSizesOfCopies = 32,

    /// <summary>A move that does not replace makes a link under the new name, and then deletes the old one.</summary>
    LinksToMove = 64,

    /// <summary>If the old name is gone when such a move deletes it, the new one is deleted again.</summary>
    UndoesLinks = 128,

    /// <summary>A deletion or a move that is repeated, and finds the item gone, is taken for done.</summary>
    TakesGoneForDone = 256,
}

/// <summary>Checks the operations on the items of one group against a model of what a store is: a table of values.</summary>
/// <remarks>The items of a group are checked together, because moves connect them. Those of different groups are independent.</remarks>
internal sealed class GroupHistory
{
    private readonly ModelContents _contents = new();
    private readonly List<Step> _steps = [];
    private readonly List<string> _faults = [];
    private readonly List<(int Slot, long Start, long End)> _changes = [];
    private readonly Dictionary<ModelOperation, int> _stored = new(ReferenceEqualityComparer.Instance);
    private readonly int _group;
    private readonly ModelTraits _traits;
    private readonly int _itemSlots;

    // With registers behind those of the items, for values between the steps of an operation.
    private int _slots;

    private GroupHistory(int group, ModelTraits traits, int itemSlots)
        => (_group, _traits, _itemSlots, _slots) = (group, traits, itemSlots, itemSlots);

    /// <summary>Checks a group.</summary>
    /// <param name="operations">All operations of a round.</param>
    /// <param name="group">The group.</param>
    /// <param name="stableSlot">The item that never changes, which is the last one.</param>
    /// <param name="traits">What the storage does in steps.</param>
    /// <returns>The first fault, or <see langword="null"/>; and whether the search for an order was given up.</returns>
    public static (string? Fault, bool IsUndecided) FindFault(IReadOnlyList<ModelOperation> operations, int group, int stableSlot, ModelTraits traits)
        => new GroupHistory(group, traits, stableSlot + 2).FindFault(operations);

    private (string? Fault, bool IsUndecided) FindFault(IReadOnlyList<ModelOperation> operations)
    {
        var own = operations.Where(operation => operation.Group == _group && operation.Action != ModelAction.List).ToList();
        var stable = own.First(operation => operation.Action == ModelAction.Store && operation.Slot == operation.StableSlot).Value;
        foreach (var operation in own.Where(operation => operation.Action is ModelAction.Store or ModelAction.Create or ModelAction.Defrag))
            _stored[operation] = _contents.Add(operation.Action == ModelAction.Defrag ? new(stable, operation.DefragmentedPieces) : new(operation.Value, []));
        foreach (var operation in own) Add(operation);
        foreach (var listing in operations.Where(operation => operation.Action is ModelAction.List || (operation.Group == _group && operation.Action is ModelAction.ListPrefix or ModelAction.ListLevel)))
            AddListing(listing);
        if (_faults.Count > 0) return (string.Join(Environment.NewLine, _faults), false);

        var verdict = Linearizer.Check(_steps, new int[_slots], Describe);
        if (verdict.IsLinearizable) return (null, false);
        var origin = _steps.Min(step => step.Start);
        var order = string.Join(Environment.NewLine, own.OrderBy(operation => operation.Start).Select(operation => $"  [{Microseconds(operation.Start)}, {Microseconds(operation.End)} µs] {operation}"));
        return ($"{(verdict.IsUndecided ? "It took too long to find an order" : "There is no order")} of the operations on group {_group} that explains all results. {verdict.Explanation}The operations by their start:{Environment.NewLine}{order}", verdict.IsUndecided);

        string Microseconds(long time) => time == long.MaxValue ? "…" : $"{(time - origin) * 1_000_000 / Stopwatch.Frequency}";

        string Describe(int[] state) => string.Join("; ", state.Take(_itemSlots).Select(_contents.Describe));
    }

    private void Add(ModelOperation operation)
    {
        var isUncertain = operation.Outcome is ModelOutcome.Failed or ModelOutcome.Pending;
        if (operation.Outcome == ModelOutcome.Broken) _faults.Add($"An operation failed with an exception that is not a StoreException: {operation}");
        if (operation.Outcome is ModelOutcome.Broken or ModelOutcome.Refused or ModelOutcome.Declined) return;
        var (slot, other) = (operation.Slot, operation.Other);
        switch (operation.Action)
        {
            case ModelAction.Store or ModelAction.Create:
                Put(operation, slot, isUncertain);
                break;
            case ModelAction.Defrag:
                if (operation.Outcome == ModelOutcome.Missing) Observe(operation, operation.StableSlot, _ => true);
                else Put(operation, slot, isUncertain);
                break;
            case ModelAction.Load:
                See(operation, slot, ByteRange.Whole);
                break;
            case ModelAction.LoadRange:
                See(operation, slot, operation.Range);
                break;
            case ModelAction.Peek:
                Observe(operation, slot, content => content.Size == operation.Length && content.PrintOf(operation.Range) == operation.Prints[0]);
                break;
            case ModelAction.Find:
                Observe(operation, slot, content => content.Size == operation.Length);
                break;
            case ModelAction.Hash:
                Observe(operation, slot, content => content.PrintOf(ByteRange.Whole) == operation.Prints[0]);
                break;
            case ModelAction.Move or ModelAction.MoveNew or ModelAction.SoftDelete or ModelAction.Undelete or ModelAction.UndeleteNew:
                Move(operation, slot, other, isUncertain);
                break;
            case ModelAction.Delete:
                Delete(operation, slot, isUncertain);
                break;
            case ModelAction.DeleteMany:
                foreach (var one in new[] { slot, other }.Distinct())
                {
                    if (Repeats(operation)) Change(operation, one, true, state => With(state, one, 0), operation.End);
                    Change(operation, one, isUncertain, state => With(state, one, 0));
                }
                break;
            case ModelAction.Copy when operation.Outcome is ModelOutcome.Done || isUncertain:
                Copy(operation, slot, other, isUncertain);
                break;
            case ModelAction.Gather when operation.Outcome == ModelOutcome.Done:
                foreach (var ((piece, from), print) in operation.GatheredPieces.Zip([slot, other, operation.StableSlot]).Zip(operation.Prints))
                    Observe(operation, from, content => content.Size >= piece.Offset + piece.Length && content.PrintOf(new(piece.Offset, piece.Length)) == print);
                break;
        }
    }

    private bool Repeats(ModelOperation operation) => _traits.HasFlag(ModelTraits.Repeats) && operation.Outcome is ModelOutcome.Done or ModelOutcome.Exists or ModelOutcome.Missing;

    private bool TakesGoneForDone(ModelOperation operation) => _traits.HasFlag(ModelTraits.TakesGoneForDone) && Repeats(operation);

    private void Put(ModelOperation operation, int slot, bool isUncertain)
    {
        var content = _stored[operation];
        var isNew = operation.Mode == StoreMode.CreateNew;
        if (Repeats(operation)) Change(operation, slot, true, state => isNew && state[slot] != 0 ? null : With(state, slot, content), operation.End);
        if (operation.Outcome == ModelOutcome.Exists)
        {
            Observe(operation, slot, _ => true, isMissing: false);
            return;
        }
        var inSteps = isNew && _traits.HasFlag(ModelTraits.CreatesInSteps);
        var after = -1;
        if (inSteps) after = AddStep(operation, isUncertain, state => state[slot] == 0 ? state : null);
        if (!isNew && _traits.HasFlag(ModelTraits.ReplacesInSteps)) after = Change(operation, slot, isUncertain, state => With(state, slot, 0));
        Change(operation, slot, isUncertain, state => isNew && !inSteps && state[slot] != 0 ? null : With(state, slot, content), after: after);
    }

    private void Move(ModelOperation operation, int from, int to, bool isUncertain)
    {
        var isNew = operation.Mode == StoreMode.CreateNew;
        if (Repeats(operation)) AddMove(true, operation.End);
        switch (operation.Outcome)
        {
            case ModelOutcome.Missing:
                Observe(operation, from, _ => true, isMissing: true);
                if (isNew && _traits.HasFlag(ModelTraits.UndoesLinks)) AddUndoneLink(operation, from, to);
                break;
            case ModelOutcome.Exists:
                Observe(operation, to, _ => true, isMissing: false);
                break;
            default:
                AddMove(isUncertain, null);
                break;
        }

        void AddMove(bool isOptional, long? end)
        {
            var mayBeGone = !isOptional && TakesGoneForDone(operation);
            if (isNew && _traits.HasFlag(ModelTraits.LinksToMove))
            {
                var linked = Change(operation, to, isOptional, state => mayBeGone && state[from] == 0 && state[to] != 0 ? state
                    : state[from] == 0 || state[to] != 0 ? null : With(state, to, state[from]), end);
                Change(operation, from, isOptional, state => With(state, from, 0), end, linked);
                return;
            }
            if (!_traits.HasFlag(ModelTraits.MovesInSteps))
            {
                _changes.Add((to, operation.Start, EndOf(operation, isOptional, end)));
                Change(operation, from, isOptional, state => mayBeGone && state[from] == 0 && state[to] != 0 ? state
                    : state[from] == 0 || (isNew && state[to] != 0) ? null : With(With(state, to, state[from]), from, 0), end);
                return;
            }
            var after = AddCopy(operation, from, to, isOptional, isNew, _traits.HasFlag(ModelTraits.CreatesInSteps), end);
            Change(operation, from, isOptional, state => With(state, from, 0), end, after);
        }
    }

    // There may be a link. If there is, it is deleted, and with it whatever has replaced it.
    private void AddUndoneLink(ModelOperation operation, int from, int to)
    {
        const int linked = 1, over = 2;
        var register = _slots++;
        Change(operation, to, true, state => state[register] != 0 || state[from] == 0 || state[to] != 0 ? null : With(With(state, to, state[from]), register, linked), operation.End);
        Change(operation, to, false, state => With(state[register] == linked ? With(state, to, 0) : state, register, over));
    }

    private void Copy(ModelOperation operation, int from, int to, bool isUncertain)
    {
        if (Repeats(operation)) AddCopy(operation, from, to, true, false, false, operation.End);
        AddCopy(operation, from, to, isUncertain, false, false, null);
    }

    private int AddCopy(ModelOperation operation, int from, int to, bool isOptional, bool isNew, bool createsInSteps, long? end)
    {
        var register = _slots++;
        var size = operation.Action == ModelAction.Copy && operation.Outcome == ModelOutcome.Done && !_traits.HasFlag(ModelTraits.LooksUpSizesOfCopies) ? operation.Length : (long?)null;
        var after = AddStep(operation, isOptional, state => state[from] == 0 || (size is { } known && _contents[state[from]].Size != known) ? null : With(state, register, state[from]), end);
        if (isNew && createsInSteps) after = AddStep(operation, isOptional, state => state[to] == 0 ? state : null, end, after);
        return Change(operation, to, isOptional, state => isNew && !createsInSteps && state[to] != 0 ? null : With(With(state, to, state[register]), register, 0), end, after);
    }

    private void Delete(ModelOperation operation, int slot, bool isUncertain)
    {
        if (Repeats(operation)) Change(operation, slot, true, state => state[slot] == 0 ? null : With(state, slot, 0), operation.End);
        if (operation.Outcome == ModelOutcome.Missing)
        {
            Observe(operation, slot, _ => true, isMissing: true);
            return;
        }
        var inSteps = _traits.HasFlag(ModelTraits.DeletesInSteps);
        var mayBeGone = inSteps || TakesGoneForDone(operation);
        var after = inSteps ? AddStep(operation, isUncertain, state => state[slot] != 0 ? state : null) : -1;
        Change(operation, slot, isUncertain, state => !mayBeGone && state[slot] == 0 ? null : With(state, slot, 0), after: after);
    }

    private void See(ModelOperation operation, int slot, ByteRange range)
    {
        if (operation.Outcome == ModelOutcome.Done && range.IsWhole && !_contents.Has(operation.Prints[0]))
            _faults.Add($"A value was loaded that was never stored: {operation}");
        Observe(operation, slot, content => range.Resolve(content.Size).Count == operation.Length && content.PrintOf(range) == operation.Prints[0]);
    }

    private void Observe(ModelOperation operation, int slot, Func<ModelContent, bool> fits, bool? isMissing = null)
    {
        if (operation.Outcome is ModelOutcome.Failed or ModelOutcome.Pending) return;
        var missing = isMissing ?? operation.Outcome == ModelOutcome.Missing;
        AddStep(operation, false, state => (missing ? state[slot] == 0 : state[slot] != 0 && fits(_contents[state[slot]])) ? state : null);
    }

    // A listing is not a moment: it only promises what nothing touched while it ran.
    private void AddListing(ModelOperation listing)
    {
        if (listing.Outcome is not (ModelOutcome.Done or ModelOutcome.Missing)) return;
        for (var slot = 0; slot < _itemSlots; slot++)
        {
            var one = slot;
            if (_changes.Exists(change => change.Slot == one && change.Start <= listing.End && change.End >= listing.Start)) continue;
            var seen = listing.Seen.FindAll(item => item.Group == _group && item.Slot == one);
            if (seen.Count > 1) _faults.Add($"An item is listed twice: {listing}");
            else if (seen.Count == 0) AddStep(listing, false, state => state[one] == 0 ? state : null, label: $"did not list {one}: ");
            else AddStep(listing, false, state => state[one] != 0 && _contents[state[one]].Size == seen[0].Size ? state : null, label: $"listed {one} with {seen[0].Size}: ");
        }
    }

    private int Change(ModelOperation operation, int slot, bool isOptional, Func<int[], int[]?> apply, long? end = null, int after = -1)
    {
        _changes.Add((slot, operation.Start, EndOf(operation, isOptional, end)));
        return AddStep(operation, isOptional, apply, end, after);
    }

    private int AddStep(ModelOperation operation, bool isOptional, Func<int[], int[]?> apply, long? end = null, int after = -1, string label = "")
    {
        _steps.Add(new($"{label}{operation}", operation.Start, EndOf(operation, isOptional, end), apply) { IsOptional = isOptional, After = after });
        return _steps.Count - 1;
    }

    // An operation that failed may take effect at any later time.
    private static long EndOf(ModelOperation operation, bool isOptional, long? end) => end ?? (isOptional ? long.MaxValue : operation.End);

    private static int[] With(int[] state, int slot, int content)
    {
        var changed = (int[])state.Clone();
        changed[slot] = content;
        return changed;
    }
}
