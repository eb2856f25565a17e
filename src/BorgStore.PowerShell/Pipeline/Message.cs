namespace BorgStore.Commands;

/// <summary>The kinds of messages from workers to the pipeline thread.</summary>
internal enum MessageKind
{
    Result,
    Error,
    Warning,

    /// <summary>The job has ended. The content is its target, or null if it failed or did not start.</summary>
    End,
}

/// <summary>A message from a worker to the pipeline thread.</summary>
internal readonly record struct Message(long Job, MessageKind Kind, object? Content);
