using BorgStore.Naming;

namespace BorgStore.Tests.Naming;

public sealed class SystemFoldersTests
{
    [Theory]
    [InlineData("lost+found")]
    [InlineData("System Volume Information")]
    [InlineData("$RECYCLE.BIN")]
    [InlineData("$Recycle.Bin")]
    [InlineData(".fseventsd")]
    [InlineData(".Spotlight-V100")]
    [InlineData(".Trashes")]
    public void Folders_of_file_systems_are_no_content_of_a_store(string name)
    {
        Assert.True(SystemFolders.IsFileSystemFolder(name));
        Assert.True(SystemFolders.IsLikelySystemFolder(name));
    }

    [Theory]
    [InlineData(".git", true)]
    [InlineData("@eaDir", true)]
    [InlineData("#recycle", true)]
    [InlineData("data", false)]
    [InlineData("a.b", false)]
    [InlineData("", false)]
    public void Hidden_folders_and_those_of_network_storage_are_no_namespaces(string name, bool expected)
    {
        Assert.False(SystemFolders.IsFileSystemFolder(name));
        Assert.Equal(expected, SystemFolders.IsLikelySystemFolder(name));
    }
}
