namespace BorgStore.Tests.Model.Driver;

/// <summary>What the workers do, which follows from the seed alone.</summary>
internal sealed record ModelPlan
{
    private static readonly (ModelAction Action, int Weight)[] Weights =
    [
        (ModelAction.Store, 22), (ModelAction.Create, 8), (ModelAction.Load, 18), (ModelAction.LoadRange, 6), (ModelAction.Peek, 3), (ModelAction.Find, 8),
        (ModelAction.Hash, 4), (ModelAction.List, 2), (ModelAction.ListPrefix, 3), (ModelAction.ListLevel, 2), (ModelAction.Move, 5), (ModelAction.MoveNew, 3),
        (ModelAction.SoftDelete, 6), (ModelAction.Undelete, 4), (ModelAction.UndeleteNew, 2), (ModelAction.Delete, 7), (ModelAction.DeleteMany, 2),
        (ModelAction.Copy, 3), (ModelAction.Gather, 3), (ModelAction.Defrag, 2),
    ];

    /// <summary>Values beyond the largest block, piece and buffer that a backend treats as small. Sizes are unique in a round.</summary>
    private static readonly int[] Bases = [64, 10_000, 70_000, (1 << 20) + 1000];

    public int Seed { get; init; }

    public int Groups { get; init; } = 3;

    /// <summary>The number of items of a group that change.</summary>
    public int Items { get; init; } = 2;

    public int Workers { get; init; } = 6;

    /// <summary>The number of operations of a worker in a round.</summary>
    public int Operations { get; init; } = 40;

    /// <summary>How many of a thousand operations are cancelled while they run.</summary>
    public int Cancelled { get; init; } = 20;

    public int StableSlot => Items * 2;

    /// <summary>The size of the value that nothing changes [bytes].</summary>
    public const int StableSize = 60_000;

    /// <summary>Returns the operations of a worker in a round.</summary>
    public IEnumerable<ModelOperation> Generate(int round, int worker)
    {
        var random = CreateRandom(round, worker);
        for (var number = 0; number < Operations; number++) yield return Generate(random, round, worker, number);
    }

    /// <summary>Returns random numbers that depend on the seed and two more numbers.</summary>
    public Random CreateRandom(int round, int worker)
        => new((int)ModelValue.Mix(((ulong)(uint)Seed << 32) ^ ((ulong)(uint)round << 12) ^ (uint)worker));

    private ModelOperation Generate(Random random, int round, int worker, int number)
    {
        var choice = random.Next(Weights.Sum(weight => weight.Weight));
        var action = Weights.First(weight => (choice -= weight.Weight) < 0).Action;
        var unique = (worker * Operations) + number;
        var slot = random.Next(Items) * 2;
        var other = random.Next(Items) * 2;
        var isDeleted = random.Next(4) == 0;
        var size = random.Next(100) switch { < 4 => 0, < 60 => Bases[0] + unique, < 80 => Bases[1] + unique, < 96 => Bases[2] + unique, _ => Bases[3] + unique };
        var operation = new ModelOperation
        {
            Round = round,
            Worker = worker,
            Number = number,
            Action = action,
            Group = random.Next(Groups),
            StableSlot = StableSlot,
            Slot = slot,
            Other = other,
            Size = size,
            IsStream = random.Next(3) == 0,
            Offset = random.Next(200),
            Count = random.Next(3) == 0 ? null : random.Next(2000),
            CancelAfter = random.Next(1000) < Cancelled ? random.Next(8) : null,
        };
        switch (action)
        {
            case ModelAction.Load or ModelAction.LoadRange or ModelAction.Peek or ModelAction.Find or ModelAction.Hash or ModelAction.Delete:
                if (action == ModelAction.LoadRange && random.Next(3) == 0) operation = operation with { Offset = -random.Next(1, 300) };
                if (action == ModelAction.Peek) operation = operation with { Offset = 0, Count = random.Next(1, 500) };
                // The item that never changes is read too.
                if (action != ModelAction.Delete && random.Next(12) == 0) return operation with { Slot = StableSlot };
                return operation with { Slot = isDeleted ? slot + 1 : slot };
            case ModelAction.Move or ModelAction.MoveNew:
                // Live to live, or deleted to deleted.
                if (slot == other) other = (slot + 2) % (Items * 2);
                return isDeleted ? operation with { Slot = slot + 1, Other = other + 1 } : operation with { Slot = slot, Other = other };
            case ModelAction.SoftDelete:
                return operation with { Other = slot + 1 };
            case ModelAction.Undelete or ModelAction.UndeleteNew:
                return operation with { Slot = slot + 1, Other = slot };
            case ModelAction.Copy:
                return slot == other ? operation with { Other = (slot + 2) % (Items * 2) } : operation;
            case ModelAction.Defrag:
                return operation with { Size = 5000 + unique };
            default:
                return operation;
        }
    }
}
