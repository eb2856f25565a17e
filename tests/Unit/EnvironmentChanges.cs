namespace BorgStore.Tests;

/// <summary>The environment is that of the whole process, so that nothing else runs while such a test changes it.</summary>
[CollectionDefinition(nameof(EnvironmentChanges), DisableParallelization = true)]
public sealed class EnvironmentChanges
{
    private EnvironmentChanges()
    {
    }
}
