using BorgStore.Caching.Access;
using BorgStore.Naming;

namespace BorgStore.Tests.Caching;

public sealed class AccessIndexTests
{
    [Fact]
    public void Relisting_applies_only_the_changes_of_other_processes()
    {
        var index = new AccessIndex();
        for (var i = 0; i < 100; i++) index.Add($"item{i}", 10, now: i);
        index.BeginRelisting();
        // Half of the items are gone; new ones are sorted in between.
        for (var i = 0; i < 100; i += 2) index.AddListed($"item{i}", 10, 1000);
        for (var i = 0; i < 100; i++) index.AddListed($"by-others{i}", 5, i);
        index.AddListed("by-others-last", 5, 150);
        index.Add("added-meanwhile", 10, 200);
        index.Touch("item1", 200, null);
        index.Remove("item0");
        // The listing saw the item before it was removed.
        index.AddListed("item0", 10, 1000);
        index.EndRelisting(200);
        index.OrderListed(amongOthers: true);
        Assert.Equal(49 + 100 + 1 + 2, index.Count);
        Assert.Equal((49 * 10) + (101 * 5) + (2 * 10), index.TotalSize);
        var order = TakeAll(index, 0, 0);
        Assert.Equal(["by-others-last", "added-meanwhile", "item1"], order[^3..]);
        Assert.Equal(["by-others0", "by-others1"], order[..2]);
        Assert.True(order.IndexOf("by-others50") < order.IndexOf("item52") && order.IndexOf("item50") < order.IndexOf("by-others51"));
        Assert.Equal(0, index.TotalSize);
    }

    [Fact]
    public void The_oldest_items_are_taken_until_the_rest_fits()
    {
        var index = new AccessIndex();
        for (var i = 0; i < 10; i++) index.Add($"item{i}", 10, now: i);
        Assert.Equal(AccessState.Current, index.Touch("item0", 20, null));
        index.Add("item1", 30, 21);
        Assert.Equal((10, 120), (index.Count, index.TotalSize));
        Assert.Equal(["item2", "item3"], TakeAll(index, 100, 0));
        Assert.Equal(["item4", "item5"], TakeAll(index, 100, 6));
        Assert.Equal(["item6", "item7", "item8", "item9", "item0", "item1"], TakeAll(index, 0, 0));
        Assert.Equal((0, 0), (index.Count, index.TotalSize));
    }

    [Fact]
    public void Age_counts_from_the_last_access()
    {
        var index = new AccessIndex();
        index.Add("a", 1, 1000);
        Assert.Equal(AccessState.Current, index.Touch("a", 1500, 500));
        Assert.Equal(AccessState.Current, index.Touch("a", 2000, 500));
        Assert.Equal(AccessState.Expired, index.Touch("a", 2501, 500));
        Assert.Equal(AccessState.Unknown, index.Touch("b", 0, 500));
        Assert.Empty(TakeAll(index, null, 2000));
        Assert.Equal(["a"], TakeAll(index, null, 2001));
    }

    [Fact]
    public void Listed_items_count_as_older_than_items_accessed_since()
    {
        var index = new AccessIndex();
        index.AddListed("b", 1, 20);
        index.Add("new", 1, 100);
        index.AddListed("c", 1, 30);
        index.AddListed("a", 1, 10);
        index.AddListed("gone", 1, 5);
        index.AddListed("touched", 1, 1);
        index.AddListed("new", 50, 2);
        Assert.Equal(AccessState.Current, index.Touch("touched", 101, null));
        Assert.Equal(1, index.Remove("gone"));
        Assert.Equal(5, index.TotalSize);
        index.OrderListed();
        var told = new List<string>();
        index.ForEachSince(20, (path, time) => told.Add($"{path} {time}"));
        Assert.Equal(["touched 101", "new 100", "c 30", "b 20"], told);
        Assert.Equal(["a", "b", "c", "new", "touched"], TakeAll(index, 0, 0));
    }

    [Fact]
    public void An_item_that_could_not_be_removed_becomes_the_oldest_again()
    {
        var index = new AccessIndex();
        index.Add("a", 1, 1);
        index.Add("b", 1, 2);
        var (path, size, time) = index.TakeOldest(0, 0)!.Value;
        index.PutBack(path, size, time);
        index.PutBack("b", 100, 7);
        Assert.Equal(["a", "b"], TakeAll(index, 0, 0));
    }

    [Fact]
    public void The_index_behaves_like_a_simple_reference_implementation()
    {
        var random = new Random(1);
        var index = new AccessIndex();
        var simple = new List<(string Path, long Size, long Time)>(); // Oldest first.
        for (var now = 0; now < 200_000; now++)
        {
            var path = NameOf(random.Next(300));
            var at = simple.FindIndex(item => item.Path == path);
            switch (random.Next(5))
            {
                case 0 or 1:
                    var size = random.Next(100);
                    index.Add(path, size, now);
                    if (at >= 0) simple.RemoveAt(at);
                    simple.Add((path, size, now));
                    break;
                case 2:
                    Assert.Equal(at >= 0 ? AccessState.Current : AccessState.Unknown, index.Touch(path, now, null));
                    if (at < 0) break;
                    simple.Add(simple[at] with { Time = now });
                    simple.RemoveAt(at);
                    break;
                case 3:
                    Assert.Equal(at >= 0 ? simple[at].Size : null, index.Remove(path));
                    if (at >= 0) simple.RemoveAt(at);
                    break;
                default:
                    if (index.TakeOldest(8000, now - 2000) is not { } taken) break;
                    Assert.Equal(simple[0], taken);
                    simple.RemoveAt(0);
                    break;
            }
            Assert.Equal((simple.Count, simple.Sum(item => item.Size)), (index.Count, index.TotalSize));
        }

        static string NameOf(int number) => number % 3 == 0 ? $"{number}" : Nesting.Nest($"{number:x8}{number:x8}"[..(2 * (1 + number % 8))], number % 3, number % 5 == 0);
    }

    private static List<string> TakeAll(AccessIndex index, long? maxSize, long expiredBefore)
    {
        var taken = new List<string>();
        while (index.TakeOldest(maxSize, expiredBefore) is var (path, _, _)) taken.Add(path);
        return taken;
    }
}
