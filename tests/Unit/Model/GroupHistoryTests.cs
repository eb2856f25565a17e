using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Model;

/// <summary>Histories that only a storage may have that does something in steps.</summary>
public sealed class GroupHistoryTests
{
    private const int A = 0, B = 2, Stable = 4;
    private const ModelTraits OpenSsh = ModelTraits.LinksToMove | ModelTraits.UndoesLinks;

    private readonly List<ModelOperation> _operations = [];

    public GroupHistoryTests() => Add(ModelAction.Store, Stable, 0, 1);

    [Fact]
    public void A_move_by_a_link_may_delete_what_replaces_the_old_name_meanwhile()
    {
        var first = Add(ModelAction.Store, A, 2, 3);
        var move = Add(ModelAction.MoveNew, A, 4, 20) with { Other = B };
        _operations[^1] = move;
        Add(ModelAction.Store, A, 6, 8);
        See(ModelAction.Load, A, 21, 22, null);
        See(ModelAction.Load, B, 23, 24, first);
        Assert.True(IsExplained(ModelTraits.LinksToMove));
        Assert.False(IsExplained(ModelTraits.None));

        // But not one that replaces, which is a single step.
        _operations[_operations.IndexOf(move)] = move with { Action = ModelAction.Move };
        Assert.False(IsExplained(OpenSsh));
    }

    [Fact]
    public void A_link_that_is_undone_may_be_seen_but_not_stay()
    {
        var first = Add(ModelAction.Store, A, 2, 3);
        _operations.Add(new() { Action = ModelAction.MoveNew, Slot = A, Other = B, StableSlot = Stable, Start = 4, End = 20, Outcome = ModelOutcome.Missing });
        See(ModelAction.Load, B, 6, 8, first);
        Add(ModelAction.Delete, A, 9, 10);
        See(ModelAction.Load, B, 21, 22, null);
        Assert.True(IsExplained(OpenSsh));
        Assert.False(IsExplained(ModelTraits.LinksToMove));

        _operations.RemoveAt(_operations.Count - 1);
        See(ModelAction.Load, B, 21, 22, first);
        Assert.False(IsExplained(OpenSsh));
    }

    private ModelOperation Add(ModelAction action, int slot, long start, long end)
    {
        var operation = new ModelOperation
        {
            Action = action,
            Number = _operations.Count,
            Slot = slot,
            StableSlot = Stable,
            Size = 100 + _operations.Count,
            Start = start,
            End = end,
            Outcome = ModelOutcome.Done,
        };
        _operations.Add(operation);
        return operation;
    }

    private void See(ModelAction action, int slot, long start, long end, ModelOperation? stored)
    {
        var seen = Add(action, slot, start, end);
        if (stored is null)
        {
            seen.Outcome = ModelOutcome.Missing;
            return;
        }
        var bytes = stored.Value.ToBytes();
        seen.Length = bytes.Length;
        seen.Prints.Add(ModelValue.PrintOf(bytes));
    }

    private bool IsExplained(ModelTraits traits) => GroupHistory.FindFault(_operations, 0, Stable, traits) is { Fault: null, IsUndecided: false };
}
