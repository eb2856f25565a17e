namespace BorgStore.Commands;

/// <summary>What a worker tells the pipeline thread.</summary>
internal enum MessageKind
{
    Result,
    Error,
    Warning,

    /// <summary>The job is done; its content is the target, or null where it failed or was not begun.</summary>
    End,
}

/// <summary>Something that a worker tells the pipeline thread.</summary>
internal readonly record struct Message(long Job, MessageKind Kind, object? Content);
